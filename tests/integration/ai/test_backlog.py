import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from hyper_registry.ai.backlog import EmbeddingBacklog
from hyper_registry.ai.encoder_loading import load_encoder
from hyper_registry.ai.query_embedder import LocalEmbedder
from hyper_registry.domain.identifiers import EntryId
from hyper_registry.storage.database import Database
from hyper_registry.storage.embedding_store import EmbeddingStore
from hyper_registry.storage.search_store import SearchStore
from tests.support.services import EDITOR, Services, build_services, draft
from tests.support.waiting import until


@pytest.fixture
async def backlog(database: Database) -> AsyncGenerator[EmbeddingBacklog]:
    embedder = LocalEmbedder(load_encoder())
    yield EmbeddingBacklog(database, SearchStore(), embedder)
    await embedder.aclose()


async def _register(services: Services, *names: str) -> None:
    for name in names:
        await services.entries.register(EDITOR, draft(entry_id=name, title=f"Title {name}"))


@asynccontextmanager
async def _keeping(backlog: EmbeddingBacklog) -> AsyncGenerator[None]:
    keeping = asyncio.create_task(backlog.keep_embedded(interval_s=0.02))
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def _has_stale(database: Database, count: int) -> bool:
    return await _stale(database) == count


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
    async with _keeping(backlog):
        for name in ("b", "c", "d"):
            await until(lambda: _has_stale(database, 0))
            await _register(services, name)
        await until(lambda: _has_stale(database, 0))


async def test_what_was_just_written_is_embedded_at_once(
    database: Database, backlog: EmbeddingBacklog
):
    services = build_services(database)
    await _register(services, "a", "b", "c")
    a, b, gone = EntryId("a"), EntryId("b"), EntryId("gone")
    assert await backlog.embed_now([b, a, gone], limit_s=30) == {a, b}
    assert await _stale(database) == 1
    assert await backlog.embed_now([a], limit_s=30) == {a}
    await services.entries.replace(EDITOR, "a", draft(title="Another title"))
    assert await _stale(database) == 2
    assert await backlog.embed_now([a], limit_s=30) == {a}
    assert await _stale(database) == 1


async def test_an_embedder_that_fails_or_dawdles_leaves_the_entry_to_the_backlog(
    database: Database, backlog: EmbeddingBacklog
):
    services = build_services(database)
    await _register(services, "a")
    assert await backlog.embed_now([EntryId("a")], limit_s=0.000_001) == frozenset()
    closed = LocalEmbedder(load_encoder())
    await closed.aclose()
    failing = EmbeddingBacklog(database, SearchStore(), closed)
    assert await failing.embed_now([EntryId("a")], limit_s=30) == frozenset()
    assert [count async for count in backlog.work_off()] == [1]


@pytest.mark.parametrize(
    ("state", "created", "heartbeat", "waits"),
    [
        ("running", "1 hour", "10 seconds", True),
        ("running", "1 hour", "2 minutes", False),
        ("pending", "1 minute", None, True),
        ("pending", "6 minutes", None, False),
        ("succeeded", "1 minute", "10 seconds", False),
    ],
)
async def test_the_loop_leaves_the_field_to_a_living_embed_job(
    database: Database,
    backlog: EmbeddingBacklog,
    state: str,
    created: str,
    heartbeat: str | None,
    waits: bool,
):
    services = build_services(database)
    async with database.connection() as connection:
        await connection.execute(
            "insert into job (job_id, kind, state, parameters, created_by, created_at,"
            " heartbeat_at) values ('j', 'embed', $1, '{}', 't', now() - $2::text::interval,"
            " now() - $3::text::interval)",
            state,
            created,
            heartbeat,
        )
    await _register(services, "a")
    async with _keeping(backlog):
        if waits:
            await asyncio.sleep(0.3)
            assert await _stale(database) == 1
            async with database.connection() as connection:
                await connection.execute("update job set state = 'succeeded'")
        await until(lambda: _has_stale(database, 0))


async def test_of_two_processes_one_embeds_until_it_ends(
    database: Database, backlog: EmbeddingBacklog, dsn: str
):
    services = build_services(database)
    leader = await asyncpg.connect(dsn)
    async with EmbeddingStore().leading(leader) as leads:
        assert leads
        await _register(services, "a")
        async with _keeping(backlog):
            await asyncio.sleep(0.3)
            assert await _stale(database) == 1
            # As when the leading process is killed: its session ends without unlocking.
            leader.terminate()
            await until(lambda: _has_stale(database, 0))
