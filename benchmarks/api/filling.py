"""Filling a registry with the catalogue, before anything is measured."""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from benchmarks.api.catalogue import draft_at, edges, entry_id_at
from configs.settings import DatabaseSettings, EmbeddingSettings, Settings
from hyper_registry.ai.model_files import locate_model
from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.principal import LOCAL_ADMIN, Role
from hyper_registry.factory import open_registry
from hyper_registry.registry import Registry
from hyper_registry.storage.database import Database
from hyper_registry.storage.search_store import SearchStore

OnStep = Callable[[str], None]

BATCH_ROWS = 1_000
POLL_INTERVAL_S = 0.2


@dataclass(frozen=True, slots=True)
class Size:
    """How much the catalogue holds."""

    entries: int = 10_000
    relationships: int = 50_000


async def fill(home: Path, dsn: str, size: Size, on_step: OnStep) -> str:
    """Fill the database and return the token of an API key that may write to it."""
    settings = Settings(
        home=home,
        database=DatabaseSettings(url=SecretStr(dsn)),
        embedding=EmbeddingSettings(threads=os.cpu_count() or 1),
    )
    async with open_registry(settings) as registry:
        on_step(f"register {size.entries:,} entries")
        await _register(registry, size.entries)
        on_step(f"relate them {size.relationships:,} times")
        await _relate(registry, size)
        on_step("embed them")
        async for _ in registry.backlog.work_off():
            pass
        async with registry.database.connection() as connection:
            await connection.execute("vacuum analyze")
        _, token = await registry.keys.create(LOCAL_ADMIN, "benchmark", Role.EDITOR)
    return token


async def _register(registry: Registry, count: int) -> None:
    for first in range(0, count, BATCH_ROWS):
        rows = range(first, min(first + BATCH_ROWS, count))
        drafts = {row: EntryDraft.model_validate(draft_at(row)) for row in rows}
        await registry.entries.register_many(LOCAL_ADMIN, drafts, atomic=True)


async def _relate(registry: Registry, size: Size) -> None:
    """Insert the relationships by one statement: creating them one by one takes minutes."""
    drawn = edges(size.entries, size.relationships)
    async with registry.database.transaction() as connection:
        await connection.execute(
            "insert into relationship_type (name) select distinct unnest($1::text[])",
            [edge.rel_type for edge in drawn],
        )
        await connection.execute(
            """
            insert into relationship (
                source_key, target_key, type_id, bidirectional, weight, metadata, created_by
            )
            select s.entry_key, t.entry_key, y.type_id, false, 1, '{}', $4
            from unnest($1::text[], $2::text[], $3::text[]) as drawn (source, target, rel_type)
            join entry s on s.entry_id = drawn.source
            join entry t on t.entry_id = drawn.target
            join relationship_type y on y.name = drawn.rel_type
            """,
            [entry_id_at(edge.source) for edge in drawn],
            [entry_id_at(edge.target) for edge in drawn],
            [edge.rel_type for edge in drawn],
            LOCAL_ADMIN.name,
        )


async def wait_until_embedded(dsn: str, timeout_s: float) -> bool:
    """Wait until the registry has embedded what was written; False if it is not done in time."""
    store, model_id = SearchStore(), locate_model().model_id
    database = Database(dsn, min_size=1, max_size=1)
    await database.open()
    try:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            async with database.connection() as connection:
                if not await store.fetch_unembedded(connection, model_id, 0, 1):
                    return True
            await asyncio.sleep(POLL_INTERVAL_S)
        return False
    finally:
        await database.close()
