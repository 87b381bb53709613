import asyncio

import asyncpg
import pytest

from hyper_registry.domain.change import ChangeEvent, ChangeFilter, ChangeSubject, FeedPosition
from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.errors.input import InvalidQueryError
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.domain.relationship import RelationshipDraft
from hyper_registry.events.feed import NOW, ChangeFeed
from hyper_registry.events.signal import ChangeSignal
from hyper_registry.storage.change_feed_store import ChangeFeedStore
from hyper_registry.storage.database import Database
from hyper_registry.storage.notifications import Listener
from tests.support.services import ADMIN, EDITOR, VIEWER, build_services, draft

ALL = ChangeFilter()
MIA = Principal("mia", Role.VIEWER, frozenset({"secret"}))


def _private(entry_id: str) -> EntryDraft:
    return draft(entry_id=entry_id, security={"visibility": "private", "readers": ["group:secret"]})


def _feed(database: Database) -> ChangeFeed:
    store = ChangeFeedStore()
    return ChangeFeed(database, store, ChangeSignal(database, store, poll_s=0.1))


async def _all(
    feed: ChangeFeed, principal: Principal = ADMIN, wanted: ChangeFilter = ALL, limit: int = 100
) -> list[ChangeEvent]:
    events: list[ChangeEvent] = []
    after = None
    while True:
        page = await feed.page(principal, after, wanted, limit=limit)
        if not page.items:
            return events
        assert page.items[-1].cursor is not None
        events += page.items
        after = page.next_cursor


def _names(events: list[ChangeEvent]) -> list[str]:
    return [f"{event.operation} {event.subject_id}" for event in events]


async def test_changes_are_read_in_order_from_any_point(database: Database):
    services, feed = build_services(database), _feed(database)
    for name in "abc":
        await services.entries.register(EDITOR, draft(entry_id=name))
    await services.entries.replace(EDITOR, "b", draft(title="Other"))
    await services.entries.delete(EDITOR, "a")
    whole = await _all(feed)
    assert _names(whole) == ["create a", "create b", "create c", "update b", "delete a"]
    assert [event.version for event in whole] == [1, 1, 1, 2, 2]
    assert {event.category for event in whole} == {"agent"}
    assert {event.actor for event in whole} == {"eve"}
    for size in (1, 2, 3):
        paged = await _all(feed, limit=size)
        assert [event.event_id for event in paged] == [event.event_id for event in whole]
    for place, event in enumerate(whole):
        rest = await feed.page(ADMIN, event.cursor, ALL)
        assert [item.event_id for item in rest.items] == [e.event_id for e in whole[place + 1 :]]


async def test_now_passes_over_what_was_before(database: Database):
    services, feed = build_services(database), _feed(database)
    await services.entries.register(EDITOR, draft(entry_id="a"))
    now = await feed.page(ADMIN, NOW, ALL)
    assert now.items == []
    await services.entries.register(EDITOR, draft(entry_id="b"))
    assert _names((await feed.page(ADMIN, now.next_cursor, ALL)).items) == ["create b"]


async def test_a_late_commit_is_never_skipped(database: Database, dsn: str):
    services, feed = build_services(database), _feed(database)
    late = await asyncpg.connect(dsn)
    insert = (
        "insert into change (subject, subject_key, subject_id, operation, version, actor)"
        " values ('entry', 0, 'late', 'create', 1, 't')"
    )
    try:
        await services.entries.register(EDITOR, draft(entry_id="first"))
        held_open = late.transaction()
        await held_open.start()
        await late.execute(insert)
        await services.entries.register(EDITOR, draft(entry_id="early"))
        before = await feed.page(ADMIN, None, ALL)
        assert _names(before.items) == ["create first"]
        assert (await feed.page(ADMIN, before.next_cursor, ALL)).items == []
        await held_open.commit()
        after = await feed.page(ADMIN, before.next_cursor, ALL)
        assert _names(after.items) == ["create late", "create early"]
    finally:
        await late.close()


async def test_the_changes_of_an_entry_keep_their_order_whatever_their_transactions(
    database: Database, dsn: str
):
    """A transaction that began first writes an entry last: its number decides, not its id."""
    services, feed = build_services(database), _feed(database)
    await services.entries.register(EDITOR, draft(entry_id="a"))
    now = await feed.page(ADMIN, NOW, ALL)
    older = await asyncpg.connect(dsn)
    try:
        held_open = older.transaction()
        await held_open.start()
        await older.fetchval("select pg_current_xact_id()::text")
        await services.entries.replace(EDITOR, "a", draft(title="Second"))
        await older.execute(
            "insert into change (subject, subject_key, subject_id, operation, version, actor)"
            " select 'entry', entry_key, 'a', 'update', 3, 't' from entry where entry_id = 'a'"
        )
        await held_open.commit()
    finally:
        await older.close()
    page = await feed.page(ADMIN, now.next_cursor, ALL, limit=1)
    assert [event.version for event in page.items] == [2]
    page = await feed.page(ADMIN, page.next_cursor, ALL, limit=1)
    assert [event.version for event in page.items] == [3]


async def test_readers_beside_many_writers_miss_and_double_nothing(database: Database):
    services, feed = build_services(database), _feed(database)
    writing = True

    async def write(writer: int) -> None:
        for number in range(20):
            await services.entries.register(EDITOR, draft(entry_id=f"e{writer}-{number}"))
            await services.entries.replace(EDITOR, f"e{writer}-{number}", draft(title="Other"))

    async def follow(limit: int) -> list[ChangeEvent]:
        events: list[ChangeEvent] = []
        after = None
        while True:
            last_round = not writing
            page = await feed.page(ADMIN, after, ALL, limit=limit)
            events += page.items
            after = page.next_cursor
            if last_round and not page.items:
                return events
            await asyncio.sleep(0)

    readers = [asyncio.create_task(follow(limit)) for limit in (1, 7, 100)]
    await asyncio.gather(*map(write, range(4)))
    writing = False
    for events in await asyncio.gather(*readers):
        assert len({event.event_id for event in events}) == len(events) == 160
        versions: dict[str, int] = {}
        for event in events:
            assert event.version == versions.get(event.subject_id, 0) + 1
            versions[event.subject_id] = event.version


async def test_a_caller_is_told_of_what_he_may_see_now(database: Database):
    services, feed = build_services(database), _feed(database)
    await services.entries.register(ADMIN, draft(entry_id="open"))
    await services.entries.register(ADMIN, _private("hidden"))
    await services.entries.register(ADMIN, _private("gone"))
    await services.entries.delete(ADMIN, "gone")
    relate = services.relationships.create
    for target in ("hidden", "gone2"):
        if target == "gone2":
            await services.entries.register(ADMIN, draft(entry_id=target))
        link = RelationshipDraft.model_validate(
            {"source_id": "open", "target_id": target, "rel_type": "calls"}
        )
        await relate(ADMIN, link)
    visible = await _all(feed, VIEWER)
    assert [e.subject_id for e in visible if e.subject is ChangeSubject.ENTRY] == ["open", "gone2"]
    (link_event,) = [e for e in visible if e.subject is ChangeSubject.RELATIONSHIP]
    assert (link_event.source_id, link_event.target_id) == ("open", "gone2")
    assert link_event.rel_type == "calls"
    assert len(await _all(feed, MIA)) == len(await _all(feed, ADMIN)) == 7
    # What became private is hidden with its past, and what became public shows it.
    await services.entries.replace(ADMIN, "open", _private("open"))
    assert [e.subject_id for e in await _all(feed, VIEWER)] == ["gone2"]


async def test_a_purged_entry_shows_to_administrators_only(database: Database):
    services, feed = build_services(database), _feed(database)
    await services.entries.register(EDITOR, draft(entry_id="a"))
    async with database.connection() as connection:
        await connection.execute("delete from entry")
    assert _names(await _all(feed, ADMIN)) == ["create a", "purge a"]
    assert await _all(feed, VIEWER) == []


async def test_a_deleted_relationship_is_told_to_those_who_see_both_ends(database: Database):
    services, feed = build_services(database), _feed(database)
    await services.entries.register(ADMIN, draft(entry_id="open"))
    await services.entries.register(ADMIN, _private("hidden"))
    created = await services.relationships.create(
        ADMIN,
        RelationshipDraft.model_validate(
            {"source_id": "open", "target_id": "hidden", "rel_type": "calls"}
        ),
    )
    await services.relationships.delete(ADMIN, created.relationship_id)
    links = ChangeFilter(subjects=frozenset({ChangeSubject.RELATIONSHIP}))
    for event, operation in zip(await _all(feed, MIA, links), ("create", "delete"), strict=True):
        assert (event.operation, event.subject_id) == (operation, str(created.relationship_id))
        assert (event.source_id, event.target_id, event.rel_type) == ("open", "hidden", "calls")
    assert await _all(feed, VIEWER, links) == []


async def test_hidden_changes_leave_no_trace(database: Database):
    services, feed = build_services(database), _feed(database)
    await services.entries.register(ADMIN, draft(entry_id="open"))
    start = await feed.page(VIEWER, NOW, ALL)
    await asyncio.gather(
        *(services.entries.register(ADMIN, _private(f"hidden{n}")) for n in range(300))
    )
    quiet = await feed.page(VIEWER, start.next_cursor, ALL, limit=1)
    again = await feed.page(VIEWER, start.next_cursor, ALL, limit=1)
    assert quiet.items == again.items == []
    cursors = {start.next_cursor, quiet.next_cursor, again.next_cursor}
    assert len(cursors) == 3
    assert len({len(cursor) for cursor in cursors}) == 1
    await services.entries.register(ADMIN, draft(entry_id="seen"))
    for cursor in cursors:
        page = await feed.page(VIEWER, cursor, ALL, limit=1)
        assert _names(page.items) == ["create seen"]


async def test_a_page_does_not_end_where_hidden_changes_stand(database: Database):
    services, feed = build_services(database), _feed(database)
    await services.entries.register(EDITOR, draft(entry_id="first"))
    await services.entries.register(ADMIN, _private("hidden"))
    # More than a page is looked through at a time.
    for number in range(120):
        changed = _private("hidden").model_copy(update={"entry_id": None, "title": str(number)})
        await services.entries.replace(ADMIN, "hidden", changed)
    await services.entries.register(EDITOR, draft(entry_id="last"))
    page = await feed.page(VIEWER, None, ALL, limit=5)
    assert _names(page.items) == ["create first", "create last"]
    assert (await feed.page(VIEWER, page.next_cursor, ALL)).items == []
    changes, _ = await feed.read(VIEWER, FeedPosition(), ALL, limit=5)
    assert [change.subject_id for change in changes] == ["first", "last"]


async def test_filters(database: Database):
    services, feed = build_services(database), _feed(database)
    await services.entries.register(EDITOR, draft(entry_id="a"))
    await services.entries.register(EDITOR, draft(entry_id="b", category="model"))
    await services.entries.replace(EDITOR, "a", draft(title="Other"))
    await services.relationships.create(
        EDITOR,
        RelationshipDraft.model_validate({"source_id": "a", "target_id": "b", "rel_type": "calls"}),
    )

    async def names(**fields: object) -> list[str]:
        found = await _all(feed, VIEWER, ChangeFilter.model_validate(fields), limit=1)
        return [f"{event.operation} {event.subject}" for event in found]

    assert await names(subjects=["relationship"]) == ["create relationship"]
    assert await names(operations=["update", "delete"]) == ["update entry"]
    assert await names(categories=["model"]) == ["create entry", "create relationship"]
    assert await names(entry_id="a") == ["create entry", "update entry", "create relationship"]
    assert await names(entry_id="a", subjects=["entry"], operations=["create"]) == ["create entry"]
    assert await names(entry_id="none") == []


@pytest.mark.parametrize("cursor", ["", "x", "nöw", "AAAA" * 16, "now2"])
async def test_what_is_no_cursor_is_refused(database: Database, cursor: str):
    with pytest.raises(InvalidQueryError):
        await _feed(database).page(ADMIN, cursor, ALL)


async def test_processes_share_cursors_and_event_ids(database: Database):
    await build_services(database).entries.register(EDITOR, draft(entry_id="a"))
    feeds = [_feed(database) for _ in range(4)]
    pages = await asyncio.gather(*(feed.page(ADMIN, None, ALL) for feed in feeds))
    assert len({page.items[0].event_id for page in pages}) == 1
    for page in pages:
        assert (await feeds[0].page(ADMIN, page.next_cursor, ALL)).items == []


async def test_who_waits_is_woken_by_a_visible_change_alone(database: Database, dsn: str):
    services = build_services(database)
    store = ChangeFeedStore()
    # So long that only a notification can wake in time.
    signal = ChangeSignal(database, store, poll_s=60)
    feed = ChangeFeed(database, store, signal)
    listener = Listener(dsn)
    listener.subscribe(signal.subscription)
    background = [
        asyncio.create_task(listener.listen()),
        asyncio.create_task(signal.keep_watching()),
    ]
    try:
        start = await feed.page(VIEWER, NOW, ALL)
        waiting = asyncio.create_task(feed.page(VIEWER, start.next_cursor, ALL, wait_s=50))
        await services.entries.register(ADMIN, _private("hidden"))
        done, _ = await asyncio.wait([waiting], timeout=0.5)
        assert not done
        held = await asyncpg.connect(dsn)
        async with held.transaction():
            await held.fetchval("select pg_current_xact_id()::text")
            await services.entries.register(ADMIN, draft(entry_id="seen"))
        await held.close()
        assert _names((await asyncio.wait_for(waiting, 20)).items) == ["create seen"]
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)


async def test_without_notifications_changes_are_found_by_polling(database: Database):
    services, feed = build_services(database), _feed(database)
    start = await feed.page(VIEWER, NOW, ALL)
    waiting = asyncio.create_task(feed.page(VIEWER, start.next_cursor, ALL, wait_s=20))
    await services.entries.register(ADMIN, draft(entry_id="seen"))
    assert _names((await waiting).items) == ["create seen"]


async def test_a_commit_notifies_at_most_once(database: Database, dsn: str):
    heard: list[object] = []
    listener = await asyncpg.connect(dsn)
    try:
        await listener.add_listener("change", lambda *told: heard.append(told))
        drafts = {number: draft(entry_id=f"e{number}") for number in range(50)}
        await build_services(database).entries.upsert_many(EDITOR, drafts)
        await listener.execute("select")
    finally:
        await listener.close()
    assert len(heard) == 1
