import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import pyarrow as pa
import pytest

from hyper_registry.domain.errors.service import IndexVersionUnavailableError
from hyper_registry.domain.index_version import IndexVersion, IndexVersionState
from hyper_registry.storage.database import Database
from hyper_registry.storage.index_store import IndexStore
from index.attributes import AttributeFilter
from index.query_syntax import parse_query
from index.shard_table import checked_rows
from index.shard_writer import build_shard, shard_directory
from index.snapshot import Snapshot
from index.snapshot_writer import write_snapshot_manifest
from tests.support.search_world import SearchWorld, text_vector
from tests.support.services import EDITOR, MODEL_ID, draft

STORE = IndexStore()


@pytest.fixture
def world(database: Database, tmp_path) -> SearchWorld:
    return SearchWorld(database, tmp_path)


async def _create(database: Database) -> IndexVersion:
    async with database.transaction() as connection:
        return await STORE.create(
            connection, uri="file:///v", snapshot_xid=7, model_id=MODEL_ID, shard_count=2
        )


async def _activate(database: Database, version: IndexVersion) -> None:
    async with database.transaction() as connection:
        await STORE.activate(connection, version.version, 10)


async def _states(database: Database) -> list[str]:
    async with database.connection() as connection:
        return [version.state.value for version in await STORE.list_versions(connection)]


async def test_a_version_is_built_activated_and_retired_by_the_next(database: Database):
    first, second, _ = [await _create(database) for _ in range(3)]
    assert (first.state, first.row_count) == (IndexVersionState.BUILDING, None)
    async with database.connection() as connection:
        assert await STORE.active(connection) is None
    await _activate(database, first)
    await _activate(database, second)
    async with database.connection() as connection:
        await STORE.give_up_others(connection, second.version)
        active = await STORE.active(connection)
    assert active is not None
    assert (active.version, active.row_count, active.uri) == (second.version, 10, "file:///v")
    assert active.activated_at is not None
    assert await _states(database) == ["failed", "active", "retired"]


async def test_only_what_was_just_built_can_be_activated(database: Database):
    first, second, failed = [await _create(database) for _ in range(3)]
    await _activate(database, first)
    await _activate(database, second)
    async with database.connection() as connection:
        await STORE.give_up_others(connection, second.version)
    for version in (first.version, failed.version, 99):
        with pytest.raises(IndexVersionUnavailableError, match=f"{version}: it is not one"):
            async with database.transaction() as connection:
                await STORE.activate(connection, version, 10)


async def test_an_activation_that_is_rolled_back_changes_nothing_and_tells_nobody(
    database: Database, dsn: str
):
    first, second = await _create(database), await _create(database)
    listener = await asyncpg.connect(dsn)
    heard: asyncio.Queue[str] = asyncio.Queue()
    await listener.add_listener("index_version", lambda *told: heard.put_nowait(told[-1]))
    try:
        async with database.connection() as connection:
            transaction = connection.transaction()
            await transaction.start()
            await STORE.activate(connection, first.version, 10)
            await transaction.rollback()
        await _activate(database, second)
        assert await asyncio.wait_for(heard.get(), 30) == str(second.version)
    finally:
        await listener.close()
    assert await _states(database) == ["active", "building"]


async def test_a_rollback_swaps_the_last_two_versions(database: Database):
    versions = [await _create(database) for _ in range(3)]
    for version in versions:
        await _activate(database, version)
    for expected in (versions[1], versions[2]):
        async with database.transaction() as connection:
            back = await STORE.rollback(connection)
            active = await STORE.active(connection)
        assert active == back
        assert (back.version, back.state) == (expected.version, IndexVersionState.ACTIVE)
    assert await _states(database) == ["active", "retired", "retired"]


async def test_versions_activated_at_once_leave_one_active(database: Database):
    versions = [await _create(database) for _ in range(6)]
    await asyncio.gather(*(_activate(database, version) for version in versions))
    assert sorted(await _states(database)) == ["active"] + ["retired"] * 5


async def test_shards_divide_exactly_the_living_entries_with_a_valid_vector(world: SearchWorld):
    await world.register(
        [draft(entry_id=f"e{n}", title=f"{n}", tags=[f"t{n}"]) for n in range(103)]
    )
    entries = world.services.entries
    for n in range(40, 60):
        await entries.delete(EDITOR, f"e{n}")
    await entries.replace(EDITOR, "e3", draft(title="not embedded"))
    async with world.database.connection() as connection:
        bounds = await STORE.shard_bounds(connection, MODEL_ID, 4)
        assert await STORE.count_rows(connection, MODEL_ID) == 82
        shards = [
            pa.Table.from_batches(
                [
                    batch
                    async for batch in STORE.fetch_rows(
                        connection, MODEL_ID, first, last, batch_rows=7
                    )
                ]
            )
            for first, last in bounds
        ]
    assert sorted(shard.num_rows for shard in shards) == [20, 20, 21, 21]
    table = pa.concat_tables(shards)
    rows = checked_rows(table, 384)
    assert len(set(rows.entry_keys.tolist())) == 82
    expected = {int(tag[1:]) for (tag,) in table["tags"].to_pylist()}
    assert expected == set(range(103)) - set(range(40, 60)) - {3}
    for row, (tag,) in enumerate(table["tags"].to_pylist()):
        vector = text_vector(draft(title=tag[1:], tags=[tag]).embedding_text)
        np.testing.assert_allclose(rows.vectors[row], vector, atol=1e-4)
    assert table["readers"].to_pylist()[0] == ["*"]
    assert table["owner"].null_count == 82
    assert table["title"].to_pylist() == [tag[1:] for (tag,) in table["tags"].to_pylist()]


async def test_there_are_no_more_shards_than_entries(world: SearchWorld):
    async with world.database.connection() as connection:
        assert await STORE.shard_bounds(connection, MODEL_ID, 3) == []
        assert [batch async for batch in STORE.fetch_rows(connection, MODEL_ID, 0, 9)] == []
    await world.register([draft(entry_id="only", title="only")])
    async with world.database.connection() as connection:
        ((first, last),) = await STORE.shard_bounds(connection, MODEL_ID, 3)
    assert first == last


async def test_only_what_ended_and_is_not_pointed_to_can_be_forgotten(database: Database):
    first, second, third = [await _create(database) for _ in range(3)]
    for version in (first, second, third):
        await _activate(database, version)
    building = await _create(database)
    async with database.transaction() as connection:
        forgotten = [
            version.version
            for version in (first, second, third, building)
            if await STORE.remove(connection, version.version)
        ]
        left = [version.version for version in await STORE.list_versions(connection)]
    assert forgotten == [first.version]
    assert left == [building.version, third.version, second.version]


async def test_shard_of_stored_entries_is_searched_by_their_texts(
    world: SearchWorld, tmp_path: Path
):
    await world.register(
        [
            draft(entry_id="a", title="Ray Serve", description="Scalable model serving"),
            draft(entry_id="b", title="Invoices", description="Serves no one", tags=["ray"]),
        ]
    )
    async with world.database.connection() as connection:
        ((first, last),) = await STORE.shard_bounds(connection, MODEL_ID, 1)
        batches = [batch async for batch in STORE.fetch_rows(connection, MODEL_ID, first, last)]
    identity: dict[str, Any] = {
        "shard_number": 0,
        "shard_count": 1,
        "model_id": MODEL_ID,
        "snapshot_xid": 1,
    }
    build_shard(pa.Table.from_batches(batches), shard_directory(tmp_path, 0), **identity)
    write_snapshot_manifest(tmp_path)
    snapshot = Snapshot.open(tmp_path, verify=True)
    keys = batches[0]["entry_key"].to_pylist()
    for text, with_all in (("ray", keys), ("serving", keys), ("models", keys[:1])):
        found = snapshot.search_text(parse_query(text), 5, AttributeFilter()).with_all
        assert found.entry_keys.tolist() == with_all, text
