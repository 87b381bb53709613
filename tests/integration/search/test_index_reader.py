"""Which version of the index a process searches with, and what it does without one."""

import asyncio
import logging
import shutil
from pathlib import Path

import pytest

from hyper_registry.domain.errors.service import IndexVersionUnavailableError
from hyper_registry.domain.index_version import IndexVersion, SearchStatus
from hyper_registry.search.index_reader import IndexReader
from hyper_registry.storage.notifications import Listener, Subscription
from index.attributes import AttributeFilter
from tests.support.database_owner import as_owner
from tests.support.search_world import SearchWorld, files_of, text_vector
from tests.support.services import ADMIN, MODEL_ID, VIEWER, draft
from tests.support.waiting import until

VECTOR = text_vector("5")


async def _register(world: SearchWorld, *names: str) -> None:
    await world.register([draft(entry_id=name, title=name) for name in names])


async def _status(world: SearchWorld) -> SearchStatus:
    return await world.reader.status(ADMIN)


async def _strategy(world: SearchWorld) -> str:
    return (await world.search.vector_search(ADMIN, VECTOR)).strategy


async def _spoil(world: SearchWorld, version: IndexVersion) -> Path:
    path = files_of(version) / "shard-00000" / "vectors.f16.npy"
    path.write_bytes(path.read_bytes()[:-1])
    return path


async def test_without_a_version_postgres_answers_alone(world: SearchWorld):
    await _register(world, *"0123456789")
    assert await _strategy(world) == "vector(postgres)"
    await world.assert_exact(VECTOR, VIEWER, 4)
    status = await _status(world)
    assert (status.active_version, status.index_version, status.error) == (None, None, None)
    assert (status.snapshot_entries, status.changed_entries) == (0, 10)


async def test_a_process_that_has_just_begun_opens_the_version_at_its_first_search(
    world: SearchWorld,
):
    await _register(world, *"0123456789")
    version = await world.build()
    begun = SearchWorld(world.database, world.directory)
    assert await _strategy(begun) == "vector(snapshot exact+delta)"
    assert (await _status(begun)).index_version == version.version
    begun.reader.close()


async def test_a_new_version_is_picked_up_while_searches_go_on_in_the_old_one(world: SearchWorld):
    await _register(world, *"0123456789")
    first = await world.build()
    begun = await world.reader.current()
    assert begun is not None
    keeping = asyncio.create_task(world.reader.keep_current(interval_s=0.01))
    try:
        await _register(world, "new")
        second = await world.build()
        for _ in range(500):
            if (await _status(world)).index_version == second.version:
                break
            await asyncio.sleep(0.01)
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
    status = await _status(world)
    assert (status.index_version, status.snapshot_entries) == (second.version, 11)
    assert status.changed_entries == 0
    shutil.rmtree(files_of(first))
    proposal = await world.reader.propose(begun, VECTOR, 20, AttributeFilter())
    assert len(proposal.entry_keys) == 10


async def test_a_spoilt_version_is_logged_once_and_postgres_answers_alone(
    world: SearchWorld, caplog: pytest.LogCaptureFixture
):
    await _register(world, *"0123456789")
    path = await _spoil(world, await world.build(activate=False))
    async with world.database.transaction() as connection:
        await world.index_store.activate(connection, 1, 10)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            await world.reader.refresh()
    (record,) = caplog.records
    assert path.name in record.getMessage()
    assert await _strategy(world) == "vector(postgres)"
    await world.assert_exact(VECTOR, VIEWER, 4)
    status = await _status(world)
    assert (status.active_version, status.index_version) == (1, None)
    assert path.name in (status.error or "")
    assert (await world.reader.status(VIEWER)).error is None


async def test_the_version_before_serves_while_the_new_one_is_spoilt(world: SearchWorld):
    await _register(world, *"0123456789")
    first = await world.build()
    await _register(world, "new")
    second = await world.build(activate=False)
    await _spoil(world, second)
    async with world.database.transaction() as connection:
        await world.index_store.activate(connection, second.version, 11)
    await world.reader.refresh()
    status = await _status(world)
    assert (status.active_version, status.index_version) == (second.version, first.version)
    assert await world.nearest(text_vector("new"), VIEWER, 1) == ["new"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("set uri = 's3://bucket/1'", "no file: URI"),
        ("set uri = uri || '-moved'", "there is no manifest"),
        ("set snapshot_xid = snapshot_xid - 1", "Postgres says"),
        ("set snapshot_xid = 1::bigint << 60", "build the index anew"),
    ],
)
async def test_a_version_that_does_not_fit_is_refused_with_the_reason(
    world: SearchWorld, change: str, reason: str
):
    await _register(world, *"0123456789")
    await world.build()
    async with world.database.connection() as connection:
        await connection.execute(f"update index_version {change}")
    begun = SearchWorld(world.database, world.directory)
    assert await _strategy(begun) == "vector(postgres)"
    assert reason in ((await _status(begun)).error or "")
    begun.reader.close()


async def test_a_version_of_another_model_is_refused(world: SearchWorld):
    await _register(world, *"0123456789")
    await world.build()
    reader = IndexReader(world.database, world.index_store, world.store, "other-model@1")
    assert await reader.current() is None
    assert f"vectors are of model '{MODEL_ID}'" in ((await reader.status(ADMIN)).error or "")
    reader.close()


async def test_after_a_rollback_the_version_before_answers_and_nothing_is_missing(
    world: SearchWorld,
):
    await _register(world, *"0123456789")
    first = await world.build()
    await _register(world, "new")
    second = await world.build()
    async with world.database.transaction() as connection:
        back = await world.index_store.rollback(connection)
    await world.reader.refresh()
    assert back.version == first.version
    status = await _status(world)
    assert (status.index_version, status.changed_entries) == (first.version, 1)
    assert await world.nearest(text_vector("new"), VIEWER, 1) == ["new"]
    async with world.database.transaction() as connection:
        assert (await world.index_store.rollback(connection)).version == second.version


async def test_the_reader_outlives_lost_connections_and_a_closed_pool(world: SearchWorld):
    await _register(world, *"0123456789")
    keeping = asyncio.create_task(world.reader.keep_current(interval_s=0.01))
    try:
        await as_owner(
            world.database.dsn,
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()",
        )
        await asyncio.sleep(0.05)
        await world.database.close()
        await asyncio.sleep(0.05)
        await world.database.open()
        version = await world.build()
        for _ in range(500):
            if (await _status(world)).index_version == version.version:
                break
            await asyncio.sleep(0.01)
        assert not keeping.done()
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
    assert (await _status(world)).index_version == version.version


async def test_hidden_entries_are_not_counted(world: SearchWorld):
    await _register(world, "a", "b")
    hidden = {"visibility": "private", "readers": ["user:somebody-else"]}
    await world.register([draft(entry_id="c", title="c", security=hidden)])
    await world.build()
    await world.register([draft(entry_id="d", title="d", security=hidden)])
    await world.services.entries.register(ADMIN, draft(entry_id="e", title="e", security=hidden))
    seen = await world.reader.status(VIEWER)
    assert (seen.snapshot_entries, seen.changed_entries, seen.unembedded_entries) == (2, 0, 0)
    await world.services.entries.replace(ADMIN, "b", draft(title="b", security=hidden))
    seen = await world.reader.status(VIEWER)
    assert (seen.snapshot_entries, seen.changed_entries, seen.snapshot_xid) == (1, 0, None)
    everything = await _status(world)
    assert everything.snapshot_xid is not None
    assert everything.snapshot_entries == 3
    assert (everything.changed_entries, everything.unembedded_entries) == (3, 1)


async def test_there_is_no_rollback_before_the_second_version(world: SearchWorld):
    await _register(world, *"01")
    await world.build()
    with pytest.raises(IndexVersionUnavailableError, match="there is none"):
        async with world.database.transaction() as connection:
            await world.index_store.rollback(connection)


async def test_a_listener_makes_a_process_turn_to_a_new_version_at_once(world: SearchWorld):
    await _register(world, *"0123456789")
    first = await world.build()
    listener = Listener(world.database.dsn)
    listening = asyncio.Event()
    listener.subscribe(Subscription("any", lambda _: None, on_listening=listening.set))
    listener.subscribe(world.reader.activations)
    background = [
        asyncio.create_task(listener.listen()),
        asyncio.create_task(world.reader.keep_current(interval_s=600)),
    ]
    try:
        await listening.wait()
        second = await world.build(activate=False)
        async with world.database.transaction() as connection:
            await world.index_store.activate(connection, second.version, 10)

        async def turned() -> bool:
            opened = await world.reader.current()
            return opened is not None and opened.version.version == second.version

        await until(turned)
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
    assert first.version != second.version
