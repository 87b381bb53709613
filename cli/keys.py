"""``hyper-registry keys``: API keys, shown once."""

from typing import Annotated

import typer
from rich.table import Table

from cli.output import AsJson, call_registry, console, print_json
from hyper_registry.domain.identifiers import KeyId
from hyper_registry.domain.principal import LOCAL_ADMIN, Role

app = typer.Typer(no_args_is_help=True, help="API keys.")


@app.command()
def create(
    name: str,
    role: Role = Role.VIEWER,
    group: Annotated[
        list[str] | None, typer.Option(help="Group whose private entries it reads; repeatable.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Create an API key and print it, once."""
    groups = frozenset(group or ())
    key, token = call_registry(
        lambda registry: registry.keys.create(LOCAL_ADMIN, name, role, groups)
    )
    if as_json:
        print_json({"key_id": key.key_id, "name": name, "role": role.value, "key": token})
        return
    console.print(f"{key.key_id} ({role}); the key is shown only now:")
    console.print(token, soft_wrap=True, highlight=False)


@app.command("list")
def list_keys(*, as_json: AsJson = False) -> None:
    """List all API keys."""
    found = call_registry(lambda registry: registry.keys.list_all(LOCAL_ADMIN))
    if as_json:
        print_json(
            [
                {
                    "key_id": key.key_id,
                    "name": key.name,
                    "role": key.role.value,
                    "groups": sorted(key.groups),
                    "created_at": key.created_at,
                    "expires_at": key.expires_at,
                    "revoked_at": key.revoked_at,
                }
                for key in found
            ]
        )
        return
    table = Table("id", "name", "role", "created", "revoked")
    for key in found:
        revoked = f"{key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else ""
        table.add_row(key.key_id, key.name, key.role, f"{key.created_at:%Y-%m-%d %H:%M}", revoked)
    console.print(table)


@app.command()
def revoke(key_id: str) -> None:
    """Revoke an API key."""
    call_registry(lambda registry: registry.keys.revoke(LOCAL_ADMIN, KeyId(key_id)))
    console.print(f"{key_id} is revoked")
