"""The command ``hyper-registry``: each command opens the registry, makes one call and prints."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypeVar

import orjson
import typer
from rich.console import Console
from rich.table import Table

from cli.import_progress import import_progress
from configs.loader import SettingsFileError, load_settings
from configs.settings import Settings
from hyper_registry.catalog.sources.open_source import SourceKind, open_source
from hyper_registry.domain.errors import RegistryError
from hyper_registry.domain.identifiers import EntryId, KeyId
from hyper_registry.domain.principal import LOCAL_ADMIN, Role
from hyper_registry.domain.relationship import RelationshipDraft
from hyper_registry.domain.search import SearchMode, SearchQuery
from hyper_registry.factory import Registry, database_dsn, open_registry
from hyper_registry.storage.embedded import EmbeddedPostgres
from hyper_registry.storage.migrate import migrate as apply_migrations

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, help="One registry for all that an organisation runs.")
keys = typer.Typer(no_args_is_help=True, help="API keys.")
app.add_typer(keys, name="keys")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
_BAD_ROWS_SHOWN = 10
console = Console()


@app.command()
def migrate() -> None:
    """Bring the database to this version's schema."""

    async def run(settings: Settings) -> list[str]:
        return await apply_migrations(await database_dsn(settings))

    applied = asyncio.run(run(load_settings()))
    console.print(f"Applied {', '.join(applied)}" if applied else "The schema is up to date.")


@app.command()
def down() -> None:
    """Stop the embedded Postgres; its data stays."""
    server = EmbeddedPostgres(load_settings().home / "postgres")
    if server.is_running():
        server.stop()
        console.print("The embedded Postgres is stopped.")
    else:
        console.print("No embedded Postgres is running.")


@app.command("import")
def import_entries(
    kind: SourceKind,
    path: Annotated[Path | None, typer.Argument()] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Register what a file or this machine's package managers hold."""
    source = open_source(kind, path)
    with import_progress() as on_progress:
        outcome = _call(
            lambda registry: registry.bulk.import_source(
                LOCAL_ADMIN, source, on_progress=on_progress
            )
        )
    if as_json:
        _print_json(asdict(outcome))
        return
    console.print(
        f"{outcome.created:,} created, {outcome.updated:,} updated, "
        f"{outcome.unchanged:,} unchanged; {outcome.related:,} related, "
        f"{outcome.related_before:,} before, {outcome.dangling:,} links without a target"
    )
    for bad in outcome.bad_rows[:_BAD_ROWS_SHOWN]:
        console.print(f"row {bad.row}: {bad.reason}", style="yellow", markup=False)
    if len(outcome.bad_rows) > _BAD_ROWS_SHOWN:
        console.print(f"… and {len(outcome.bad_rows) - _BAD_ROWS_SHOWN} more bad rows")


@app.command()
def embed() -> None:
    """Embed every entry that has no valid vector yet."""

    async def run(registry: Registry) -> int:
        done = 0
        with console.status("Embedding") as status:
            async for count in registry.backlog.work_off():
                done += count
                status.update(f"Embedding: {done:,} entries")
        return done

    console.print(f"{_call(run):,} entries embedded")


@app.command()
def get(entry_id: str) -> None:
    """Print an entry as JSON."""
    entry = _call(lambda registry: registry.entries.get(LOCAL_ADMIN, entry_id))
    _print_json(entry.model_dump(mode="json", by_alias=True))


@app.command()
def search(
    query: str,
    mode: SearchMode = SearchMode.HYBRID,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 10,
    *,
    as_json: AsJson = False,
) -> None:
    """Search by text and meaning."""
    asked = SearchQuery(query=query, mode=mode, limit=limit)
    answer = _call(lambda registry: registry.search.search(LOCAL_ADMIN, asked))
    if as_json:
        _print_json(answer.model_dump(mode="json", by_alias=True))
        return
    table = Table("score", "entry", "category", "highlight")
    for hit in answer.hits:
        table.add_row(f"{hit.relevance_score:.3f}", hit.entry_id, hit.category, hit.highlight)
    console.print(table)


@app.command()
def relate(source_id: str, rel_type: str, target_id: str) -> None:
    """Relate two entries."""
    draft = RelationshipDraft(
        source_id=EntryId(source_id), target_id=EntryId(target_id), rel_type=rel_type
    )
    created = _call(lambda registry: registry.relationships.create(LOCAL_ADMIN, draft))
    console.print(f"relationship {created.relationship_id}")


@keys.command("create")
def create_key(name: str, role: Role = Role.VIEWER) -> None:
    """Create an API key and print it, once."""
    key, token = _call(lambda registry: registry.keys.create(LOCAL_ADMIN, name, role))
    console.print(f"{key.key_id} ({role}); the key is shown only now:")
    console.print(token, soft_wrap=True, highlight=False)


@keys.command("list")
def list_keys() -> None:
    """List all API keys."""
    table = Table("id", "name", "role", "created", "revoked")
    for key in _call(lambda registry: registry.keys.list_all(LOCAL_ADMIN)):
        revoked = f"{key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else ""
        table.add_row(key.key_id, key.name, key.role, f"{key.created_at:%Y-%m-%d %H:%M}", revoked)
    console.print(table)


@keys.command("revoke")
def revoke_key(key_id: str) -> None:
    """Revoke an API key."""
    _call(lambda registry: registry.keys.revoke(LOCAL_ADMIN, KeyId(key_id)))
    console.print(f"{key_id} is revoked")


def main() -> None:
    """Run the command; a failure ends with one line and exit status 1."""
    try:
        app()
    except RegistryError as error:
        sys.exit(f"hyper-registry: {error}. {error.remedy}")
    except SettingsFileError as error:
        sys.exit(f"hyper-registry: {error}")


def _call(work: Callable[[Registry], Awaitable[T]]) -> T:
    async def run() -> T:
        async with open_registry(load_settings()) as registry:
            return await work(registry)

    return asyncio.run(run())


def _print_json(value: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(value) + b"\n")
