import asyncio
from collections.abc import AsyncGenerator

import pytest

from hyper_registry.ai.backlog import EmbeddingBacklog
from hyper_registry.ai.encoder_loading import load_encoder
from hyper_registry.ai.query_embedder import LocalEmbedder
from hyper_registry.storage.database import Database
from hyper_registry.storage.search_store import SearchStore
from tests.support.services import EDITOR, Services, build_services, draft


@pytest.fixture
async def backlog(database: Database) -> AsyncGenerator[EmbeddingBacklog]:
    embedder = LocalEmbedder(load_encoder())
    yield EmbeddingBacklog(database, SearchStore(), embedder)
    await embedder.aclose()


async def _register(services: Services, *names: str) -> None:
    for name in names:
        await services.entries.register(EDITOR, draft(entry_id=name, title=f"Title {name}"))


async def _stale(database: Database) -> int:
    async with database.connection() as connection:
        return await connection.fetchval(
            "select count(*) from entry e where deleted_at is null and not exists ("
            "select from entry_embedding m where m.entry_key = e.entry_key"
            " and m.input_hash = e.embedding_input_hash)"
        )


async def test_work_broken_off_goes_on_without_doing_a_row_twice(
    database: Database, backlog: EmbeddingBacklog
):
    services = build_services(database)
    await _register(services, "a", "b", "c", "d", "e")
    work = backlog.work_off(batch_size=2)
    assert await anext(work) == 2
    await work.aclose()
    assert await _stale(database) == 3
    assert [count async for count in backlog.work_off(batch_size=2)] == [2, 1]
    assert await _stale(database) == 0
    assert [count async for count in backlog.work_off()] == []


async def test_only_a_changed_text_is_embedded_again(database: Database, backlog: EmbeddingBacklog):
    services = build_services(database)
    await _register(services, "a", "b")
    assert [count async for count in backlog.work_off()] == [2]
    await services.entries.replace(EDITOR, "a", draft(title="Title a", status="deprecated"))
    assert [count async for count in backlog.work_off()] == []
    await services.entries.replace(EDITOR, "a", draft(title="Another title"))
    assert [count async for count in backlog.work_off()] == [1]


async def test_entries_of_every_later_round_are_embedded(
    database: Database, backlog: EmbeddingBacklog
):
    services = build_services(database)
    await _register(services, "a")
    keeping = asyncio.create_task(backlog.keep_embedded(interval_s=0.02))
    try:
        for name in ("b", "c", "d"):
            for _ in range(500):
                if await _stale(database) == 0:
                    break
                await asyncio.sleep(0.02)
            assert await _stale(database) == 0
            await _register(services, name)
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
