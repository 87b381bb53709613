import asyncpg

from hyper_registry.storage.database import Database
from hyper_registry.storage.journal_store import ChangePosition, JournalStore


async def _append(connection: asyncpg.Connection, subject_id: str) -> None:
    await JournalStore().append_change(
        connection,
        subject="entry",
        key=1,
        subject_id=subject_id,
        operation="create",
        version=1,
        actor="t",
    )


async def test_a_reader_never_skips_a_change_that_commits_late(database: Database, dsn: str):
    journal = JournalStore()
    late = await asyncpg.connect(dsn)
    early = await asyncpg.connect(dsn)
    try:
        held_open = late.transaction()
        await held_open.start()
        await _append(late, "late")
        await _append(early, "early")
        async with database.connection() as connection:
            before = await journal.fetch_changes(connection, ChangePosition(), 10)
            await held_open.commit()
            after = await journal.fetch_changes(connection, ChangePosition(), 10)
            rest = await journal.fetch_changes(connection, after[-1].position, 10)
    finally:
        await late.close()
        await early.close()
    assert [change.subject_id for change in before] == []
    assert [change.subject_id for change in after] == ["late", "early"]
    assert rest == []
