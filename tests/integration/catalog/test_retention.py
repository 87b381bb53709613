import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from pydantic import SecretStr

from configs.settings import DatabaseSettings, RetentionSettings, Settings
from hyper_registry.domain.errors.access import PermissionDeniedError
from hyper_registry.domain.errors.entry import EntryNotFoundError
from hyper_registry.domain.job import JobKind, JobState
from hyper_registry.domain.principal import LOCAL_ADMIN
from hyper_registry.domain.relationship import RelationshipDraft
from hyper_registry.factory import retention_service
from hyper_registry.storage.database import Database
from hyper_registry.storage.search_store import SearchStore
from jobs.driver import drive
from jobs.purge import purge_expired
from tests.support.database_owner import as_owner
from tests.support.services import ADMIN, EDITOR, MODEL_ID, VIEWER, build_services, draft
from tests.support.waiting import until
from tests.support.written_rows import count

LATER = datetime.now(UTC) + timedelta(days=1)


async def _populate(database: Database, names: str = "abc") -> None:
    """Related and embedded entries, each in two versions."""
    services = build_services(database)
    for name in names:
        await services.entries.register(EDITOR, draft(entry_id=name))
        await services.entries.replace(EDITOR, name, draft(title="Renamed"))
    for source, target in pairwise(names):
        edge = RelationshipDraft.model_validate(
            {"source_id": source, "target_id": target, "rel_type": "calls"}
        )
        created = await services.relationships.create(EDITOR, edge)
        await services.relationships.patch(EDITOR, created.relationship_id, {"weight": 2})
    store = SearchStore()
    async with database.transaction() as connection:
        inputs = await store.fetch_unembedded(connection, MODEL_ID, 0, 100)
        vectors = np.ones((len(inputs), 384), np.float32)
        await store.upsert_embeddings(connection, MODEL_ID, inputs, vectors)


async def test_a_purge_leaves_nothing_but_the_logs(database: Database):
    await _populate(database)
    services = build_services(database)
    for name in "ab":
        await services.entries.delete(EDITOR, name)
    retention = retention_service(database)
    assert await retention.purge(LOCAL_ADMIN, datetime(2020, 1, 1, tzinfo=UTC), 10) == 0
    assert await retention.count_expired(LOCAL_ADMIN, LATER) == 2
    assert await retention.purge(ADMIN, LATER, 10) == 2
    for table, left in (
        ("entry", 1),
        ("entry_version", 1),
        ("entry_embedding", 1),
        ("relationship", 0),
        ("relationship_history", 0),
    ):
        assert await count(database, table) == left, table
    async with database.connection() as connection:
        changes = await connection.fetch(
            "select subject_id, operation, version, actor, checksum from change"
            " where subject = 'entry' and subject_id = 'a' order by change_no"
        )
        gone = await connection.fetchval(
            "select count(*) from change where subject = 'relationship' and operation = 'delete'"
            " and actor = 'ada'"
        )
        audit = await connection.fetchrow("select * from audit order by audit_no desc limit 1")
    assert [(row["operation"], row["version"], row["actor"]) for row in changes] == [
        ("create", 1, "eve"),
        ("update", 2, "eve"),
        ("delete", 3, "eve"),
        ("purge", 4, "ada"),
    ]
    assert gone == 2
    assert audit is not None
    assert (audit["action"], audit["detail"]) == ("entry.purge", {"purged": 2})
    with pytest.raises(EntryNotFoundError):
        await services.history.list_versions(ADMIN, "a")
    assert (await services.entries.register(EDITOR, draft(entry_id="a"))).version == 1


async def test_an_entry_that_is_being_brought_back_is_passed_over(database: Database):
    await _populate(database, "a")
    services = build_services(database)
    await services.entries.delete(EDITOR, "a")
    async with database.transaction() as connection:
        await connection.execute("select from entry where entry_id = 'a' for no key update")
        assert await retention_service(database).purge(ADMIN, LATER, 10) == 0
    assert (await services.entries.undelete(EDITOR, "a")).version == 4


async def test_what_expires_is_purged_in_the_background(database: Database):
    await _populate(database)
    services = build_services(database)
    for name in "ab":
        await services.entries.delete(EDITOR, name)
    await as_owner(
        database.dsn, "update entry set deleted_at = now() - interval '8 days' where entry_id = 'a'"
    )
    work = retention_service(database).keep_purged(days=7, batch_rows=1, interval_s=3_600)
    purging = asyncio.create_task(work)
    try:

        async def purged() -> bool:
            return await count(database, "entry") == 2

        await until(purged)
    finally:
        purging.cancel()
    assert await count(database, "entry where entry_id = 'a'") == 0


async def test_only_administrators_purge(database: Database):
    retention = retention_service(database)
    for principal in (VIEWER, EDITOR):
        with pytest.raises(PermissionDeniedError):
            await retention.purge(principal, LATER, 10)
        with pytest.raises(PermissionDeniedError):
            await retention.count_expired(principal, LATER)


async def test_the_job_purges_in_batches_what_its_time_is_over_for(
    database: Database, dsn: str, tmp_path: Path
):
    await _populate(database, "abcde")
    services = build_services(database)
    for name in "abcd":
        await services.entries.delete(EDITOR, name)
    async with database.connection() as connection:
        await connection.execute(
            "update entry set deleted_at = deleted_at - interval '8 days' where entry_id <> 'd'"
        )
    settings = Settings(
        home=tmp_path,
        database=DatabaseSettings(url=SecretStr(dsn), pool_min=1, pool_max=4),
        retention=RetentionSettings(deleted_days=7, batch_rows=2),
    )
    job = await drive(JobKind.PURGE, purge_expired, settings)
    assert (job.state, job.done, job.total) == (JobState.SUCCEEDED, 3, 3)
    assert (job.estimate, job.result["purged"]) == ({"rows": 3, "batches": 2}, 3)
    assert [item.entry_id for item in await services.entries.list_deleted(ADMIN)] == ["d"]
    again = await drive(JobKind.PURGE, purge_expired, settings)
    assert again.result["purged"] == 0
