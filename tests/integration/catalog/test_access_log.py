import asyncio

from hyper_registry.catalog.access_log import AccessLog
from hyper_registry.catalog.definitions import HeldDefinitions
from hyper_registry.catalog.entries import EntryService
from hyper_registry.catalog.entry_rules import EntryRules
from hyper_registry.catalog.limits import CatalogLimits
from hyper_registry.domain.identifiers import EntryKey
from hyper_registry.storage.access_store import AccessStore
from hyper_registry.storage.bulk_store import BulkStore
from hyper_registry.storage.database import Database
from hyper_registry.storage.entry_store import EntryStore
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.type_store import TypeStore
from tests.support.services import EDITOR, MODEL_ID, draft


def _entries(database: Database, accesses: AccessLog | None) -> EntryService:
    rules = EntryRules(HeldDefinitions(TypeStore()))
    return EntryService(
        database,
        EntryStore(),
        BulkStore(),
        JournalStore(),
        CatalogLimits(),
        MODEL_ID,
        rules,
        accesses,
    )


async def _counts(database: Database) -> dict[str, int]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "select entry_id, access_count from entry join entry_access using (entry_key)"
        )
    return {row["entry_id"]: row["access_count"] for row in rows}


async def test_reads_are_counted_and_the_last_one_is_shown_after_the_flush(database: Database):
    log = AccessLog(database, AccessStore())
    entries = _entries(database, log)
    written = [await entries.register(EDITOR, draft(entry_id=name)) for name in ("a", "b", "c")]
    for name in ("a", "a", "b", "a"):
        assert (await entries.get(EDITOR, name)).accessed_at is None
    await log.flush()
    assert await _counts(database) == {"a": 3, "b": 1}
    first = (await entries.get(EDITOR, "a")).accessed_at
    assert first is not None
    assert first >= written[0].created_at
    await log.flush()
    second = (await entries.get(EDITOR, "a")).accessed_at
    assert second is not None
    assert second > first
    assert await _counts(database) == {"a": 4, "b": 1}


async def test_where_reads_are_not_recorded_nothing_is(database: Database):
    entries = _entries(database, None)
    await entries.register(EDITOR, draft(entry_id="a"))
    await entries.get(EDITOR, "a")
    assert await _counts(database) == {}


async def test_what_cannot_be_written_is_kept_for_the_next_flush(database: Database, dsn: str):
    away = Database(dsn, min_size=1)
    log = AccessLog(away, AccessStore(), capacity=2)
    entries = _entries(database, log)
    for name in ("a", "b", "c"):
        await entries.register(EDITOR, draft(entry_id=name))
    for name in ("a", "b", "a", "c"):
        await entries.get(EDITOR, name)
    await log.flush()
    assert await _counts(database) == {}
    await entries.get(EDITOR, "b")
    await away.open()
    await log.flush()
    await away.close()
    assert await _counts(database) == {"a": 2, "b": 2}


async def test_processes_that_flush_the_same_entries_at_once_lose_nothing(database: Database):
    entries = _entries(database, None)
    for number in range(40):
        await entries.register(EDITOR, draft(entry_id=f"e{number}"))
    async with database.connection() as connection:
        rows = await connection.fetch("select entry_key from entry order by entry_key")
    keys = [EntryKey(row["entry_key"]) for row in rows]
    logs = [AccessLog(database, AccessStore()) for _ in range(6)]
    for _ in range(5):
        for number, log in enumerate(logs):
            for key in keys if number % 2 else reversed(keys):
                log.record(key)
            log.record(EntryKey(10_000_000))
        await asyncio.gather(*(log.flush() for log in logs))
    assert await _counts(database) == {f"e{number}": 30 for number in range(40)}
