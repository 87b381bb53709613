"""``hyper-registry keys``: API keys, shown once."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table

from cli.output import AsJson, call_registry, console, print_json
from hyper_registry.domain.api_key import ApiKey
from hyper_registry.domain.identifiers import KeyId
from hyper_registry.domain.principal import LOCAL_ADMIN, Role
from hyper_registry.domain.scope import Scope
from hyper_registry.registry import Registry

app = typer.Typer(no_args_is_help=True, help="API keys.")

_PAGE = 1_000


@app.command()
def create(
    name: str,
    role: Annotated[str, typer.Option(help="Built-in or custom role.")] = Role.VIEWER.value,
    group: Annotated[
        list[str] | None, typer.Option(help="Group whose private entries it reads; repeatable.")
    ] = None,
    scope: Annotated[
        list[Scope] | None, typer.Option(help="Scope of the role to narrow it to; repeatable.")
    ] = None,
    expires_in_days: Annotated[float | None, typer.Option(min=0)] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Create an API key and print it, once."""
    groups = frozenset(group or ())
    scopes = frozenset(scope) if scope else None
    expires_at = _in_days(expires_in_days)
    key, token = call_registry(
        lambda registry: registry.keys.create(LOCAL_ADMIN, name, role, groups, expires_at, scopes)
    )
    _show(key, token, as_json=as_json)


@app.command("list")
def list_keys(*, as_json: AsJson = False) -> None:
    """List all API keys."""
    found = call_registry(_all_keys)
    if as_json:
        print_json([_fields(key) for key in found])
        return
    table = Table("id", "name", "role", "created", "last used", "expires", "revoked")
    for key in found:
        times = (key.created_at, key.last_used_at, key.expires_at, key.revoked_at)
        shown = [f"{time:%Y-%m-%d %H:%M}" if time else "" for time in times]
        table.add_row(key.key_id, key.name, key.role, *shown)
    console.print(table)


@app.command()
def rotate(
    key_id: str,
    overlap_hours: Annotated[
        float, typer.Option(min=0, help="How long the secret before stays valid.")
    ] = 0,
    *,
    as_json: AsJson = False,
) -> None:
    """Give an API key a new secret and print it, once."""
    key, token = call_registry(
        lambda registry: registry.keys.rotate(
            LOCAL_ADMIN, KeyId(key_id), overlap_s=overlap_hours * 3600
        )
    )
    _show(key, token, as_json=as_json)


@app.command()
def expire(
    key_id: str,
    in_days: Annotated[
        float | None, typer.Option(min=0, help="Days from now; left out: never.")
    ] = None,
) -> None:
    """Set when an API key ends to be valid."""
    expires_at = _in_days(in_days)
    call_registry(lambda registry: registry.keys.set_expiry(LOCAL_ADMIN, KeyId(key_id), expires_at))
    when = "never expires" if expires_at is None else f"expires at {expires_at:%Y-%m-%d %H:%M} UTC"
    console.print(f"{key_id} {when}")


@app.command()
def revoke(key_id: str) -> None:
    """Revoke an API key."""
    call_registry(lambda registry: registry.keys.revoke(LOCAL_ADMIN, KeyId(key_id)))
    console.print(f"{key_id} is revoked")


async def _all_keys(registry: Registry) -> list[ApiKey]:
    found: list[ApiKey] = []
    while page := await registry.keys.list_page(
        LOCAL_ADMIN, after=found[-1].key_id if found else None, limit=_PAGE
    ):
        found += page
    return found


def _in_days(days: float | None) -> datetime | None:
    return None if days is None else datetime.now(UTC) + timedelta(days=days)


def _show(key: ApiKey, token: str, *, as_json: bool) -> None:
    if as_json:
        print_json(_fields(key) | {"key": token})
        return
    console.print(f"{key.key_id} ({key.role}); the key is shown only now:")
    console.print(token, soft_wrap=True, highlight=False)


def _fields(key: ApiKey) -> dict[str, object]:
    return {
        "key_id": key.key_id,
        "name": key.name,
        "role": key.role,
        "groups": sorted(key.groups),
        "scopes": None if key.scopes is None else sorted(key.scopes),
        "created_at": key.created_at,
        "created_by": key.created_by,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "rotated_at": key.rotated_at,
        "last_used_at": key.last_used_at,
    }
