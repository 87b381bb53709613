"""``hyper-registry index``: build the vector index, see its versions, go back to the last one."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TypeVar

import typer
from rich.table import Table

from cli.jobs import submit
from cli.output import AsJson, console, print_json
from configs.loader import load_settings
from hyper_registry.domain.index_version import IndexVersion
from hyper_registry.domain.job import JobKind
from hyper_registry.factory import open_database
from hyper_registry.storage.database import Connection
from hyper_registry.storage.index_store import IndexStore

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, help="The vector index.")


@app.command()
def build(*, direct: bool = False, as_json: AsJson = False) -> None:
    """Build a version of the index in a Ray job and switch searches to it."""
    submit(JobKind.BUILD_INDEX, direct=direct, as_json=as_json)


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """List the versions of the index, the newest first."""
    versions = _in_transaction(IndexStore().list_versions)
    if as_json:
        print_json([asdict(version) for version in versions])
        return
    if not versions:
        console.print("No index was built yet: searches read Postgres alone.")
        return
    table = Table("version", "state", "entries", "shards", "model", "built", "where")
    for version in versions:
        rows = "" if version.row_count is None else f"{version.row_count:,}"
        table.add_row(
            str(version.version),
            version.state.value,
            rows,
            str(version.shard_count),
            version.model_id,
            f"{version.created_at:%Y-%m-%d %H:%M}",
            version.uri,
        )
    console.print(table)


@app.command()
def rollback() -> None:
    """Let searches use the version before the active one."""
    version: IndexVersion = _in_transaction(IndexStore().rollback)
    console.print(f"Searches use version {version.version} again.", highlight=False)


def _in_transaction(work: Callable[[Connection], Awaitable[T]]) -> T:
    async def run() -> T:
        async with (
            open_database(load_settings()) as database,
            database.transaction() as connection,
        ):
            return await work(connection)

    return asyncio.run(run())
