"""The history as a whole, against a model of it: whatever is written, and by whichever way."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hyper_registry.catalog.entry_batch import Target
from hyper_registry.domain.change import Change, ChangeFilter, FeedPosition
from hyper_registry.domain.entry_version import EntryVersion
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.identifiers import EntryId
from hyper_registry.storage.change_feed_store import ChangeFeedStore
from hyper_registry.storage.database import Database
from tests.support.services import ADMIN, EDITOR, Services, build_services, draft
from tests.support.written_rows import clear, count

_WAYS = (
    "register",
    "replace",
    "patch",
    "delete",
    "undelete",
    "restore",
    "upsert",
    "update_many",
    "delete_many",
)
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(_WAYS),
        st.sampled_from("ab"),
        st.integers(1, 4),
    ),
    min_size=4,
    max_size=14,
)


class _Model:
    """What each entry was: a title and whether it was deleted, version by version."""

    def __init__(self) -> None:
        self.states: dict[str, list[tuple[str, bool]]] = {}
        self.operations: dict[str, list[str]] = {}

    def apply(self, step: str, name: str, number: int) -> bool:
        """Note what a step does; false if it must be refused or change nothing."""
        states = self.states.get(name, [])
        title = f"T{number}"
        living = bool(states) and not states[-1][1]
        match step:
            case "register" | "upsert" if not living:
                return self._add(name, title, "undelete" if states else "create")
            case "replace" | "patch" | "update_many" | "upsert" if living:
                return states[-1][0] != title and self._add(name, title, "update")
            case "delete" | "delete_many" if living:
                return self._add(name, states[-1][0], "delete", deleted=True)
            case "undelete" if states and not living:
                return self._add(name, states[-1][0], "undelete")
            case "restore" if living and number <= len(states):
                return self._add(name, states[number - 1][0], "restore")
            case _:
                return False

    def _add(self, name: str, title: str, operation: str, *, deleted: bool = False) -> bool:
        self.states.setdefault(name, []).append((title, deleted))
        self.operations.setdefault(name, []).append(operation)
        return True


async def _do(services: Services, step: str, name: str, number: int) -> None:
    named = draft(entry_id=name, title=f"T{number}")
    entries = services.entries
    calls: dict[str, Callable[[], Any]] = {
        "register": lambda: entries.register(EDITOR, named),
        "replace": lambda: entries.replace(EDITOR, name, named),
        "patch": lambda: entries.patch(EDITOR, name, {"title": f"T{number}"}),
        "delete": lambda: entries.delete(EDITOR, name),
        "undelete": lambda: entries.undelete(EDITOR, name),
        "upsert": lambda: entries.upsert_many(EDITOR, {1: named}),
        "update_many": lambda: entries.update_many(EDITOR, {1: named}),
        "delete_many": lambda: entries.delete_many(EDITOR, {1: Target(EntryId(name))}),
    }
    if step == "restore":
        version = await services.history.get_version(EDITOR, name, number)
        await entries.restore(EDITOR, version)
    else:
        await calls[step]()


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=_STEPS)
async def test_the_history_is_that_of_a_model(
    steps: list[tuple[str, str, int]], database: Database
):
    services, model = build_services(database), _Model()
    await clear(database)
    for step in steps:
        written = model.apply(*step)
        before = await count(database, "change")
        try:
            await _do(services, *step)
        except RegistryError:
            assert not written
        assert await count(database, "change") - before == written
    for name, states in model.states.items():
        versions: list[EntryVersion] = []
        before_version = None
        while True:
            page = await services.history.list_versions(ADMIN, name, before=before_version, limit=3)
            versions += page.items
            before_version = page.next_before
            if before_version is None:
                break
        versions.reverse()
        assert [item.version for item in versions] == list(range(1, len(states) + 1))
        assert [(item.title, item.deleted) for item in versions] == states
        for older, newer in pairwise(versions):
            assert older.superseded_at == newer.valid_from
            assert older.valid_from < newer.valid_from
        for item, (_, deleted) in zip(versions, states, strict=True):
            assert item.checksum_hex == item.draft.checksum.hex()
            if not deleted:
                then = await services.history.get_as_of(ADMIN, name, item.valid_from)
                assert then == item
        changes, _ = await _changes(database, FeedPosition())
        told = [(c.operation, c.version) for c in changes if c.subject_id == name]
        assert told == [(op, n) for n, op in enumerate(model.operations[name], start=1)]


async def _changes(database: Database, at: FeedPosition) -> tuple[list[Change], FeedPosition]:
    """Read on in the feed, with the position that this led to."""
    async with database.connection() as connection:
        return await ChangeFeedStore().read(
            connection, at, ChangeFilter(), None, limit=1_000, examined=1_000
        )


async def test_bookkeeping_makes_no_version_and_content_cannot_change_without_one(
    database: Database,
):
    services = build_services(database)
    await services.entries.register(EDITOR, draft(entry_id="a"))
    async with database.connection() as connection:
        await connection.execute("update entry set change_xid = change_xid, owner = 'x'")
        with pytest.raises(asyncpg.RaiseError, match="changed without a new version"):
            await connection.execute("update entry set checksum = 'other'")
    assert await count(database, "entry_version") == 0
    assert await count(database, "change") == 1


async def test_a_version_keeps_who_could_read_it(database: Database):
    services = build_services(database)
    private = {"visibility": "private", "readers": ["group:ops"]}
    await services.entries.register(ADMIN, draft(entry_id="a", security=private, owner="olga"))
    await services.entries.replace(ADMIN, "a", draft())
    async with database.connection() as connection:
        row = await connection.fetchrow("select readers, granted, visibility from entry_version")
    assert row is not None
    assert tuple(row) == (["group:ops", "user:olga"], ["group:ops"], "private")


async def test_a_writer_that_began_first_and_waited_has_the_later_time(
    database: Database, dsn: str
):
    services = build_services(database)
    await services.entries.register(EDITOR, draft(entry_id="a"))
    waiting = await asyncpg.connect(dsn)
    try:
        early = waiting.transaction()
        await early.start()
        await waiting.execute("select now()")
        await services.entries.replace(EDITOR, "a", draft(title="Second"))
        await waiting.execute(
            "update entry set title = 'Third', checksum = 'x', version = version + 1,"
            " updated_at = greatest(now(), updated_at + interval '1 microsecond')"
        )
        await early.commit()
    finally:
        await waiting.close()
    page = await services.history.list_versions(ADMIN, "a")
    third, second, first = page.items
    assert first.valid_from < second.valid_from < third.valid_from
    assert second.superseded_at == third.valid_from


async def test_a_batch_of_a_thousand_updates_is_recorded_whole(database: Database):
    services = build_services(database)
    names = [f"e{number:04}" for number in range(1_000)]
    # A plan for one row is made and kept before the batch comes.
    for number in range(8):
        await services.entries.register(EDITOR, draft(entry_id=f"single-{number}"))
        await services.entries.replace(EDITOR, f"single-{number}", draft(title="New"))
    for title in ("First", "Second"):
        drafts = {row: draft(entry_id=name, title=title) for row, name in enumerate(names)}
        await services.entries.upsert_many(EDITOR, drafts)
    async with database.connection() as connection:
        kept = await connection.fetchval("select count(*) from entry_version where title = 'First'")
    assert kept == 1_000
    assert await count(database, "audit") == 16 + 2


async def test_the_feed_has_every_change_of_writers_at_once(database: Database):
    services = build_services(database)
    seen: list[tuple[str, int]] = []
    position = FeedPosition()
    done = asyncio.Event()

    async def follow() -> None:
        nonlocal position
        ended = False
        while not ended:
            ended = done.is_set()
            changes, position = await _changes(database, position)
            seen.extend((change.subject_id, change.version) for change in changes)
            await asyncio.sleep(0)

    async def write(number: int) -> None:
        name = f"e{number}"
        await services.entries.register(EDITOR, draft(entry_id=name))
        for version in range(2, 8):
            await services.entries.replace(EDITOR, name, draft(title=f"T{version}"))

    follower = asyncio.create_task(follow())
    await asyncio.gather(*(write(number) for number in range(8)))
    done.set()
    await follower
    assert sorted(seen) == [(f"e{n}", version) for n in range(8) for version in range(1, 8)]
    for number in range(8):
        own = [version for name, version in seen if name == f"e{number}"]
        assert own == list(range(1, 8))
