import asyncio

import pytest

from hyper_registry.catalog.jobs import JobService
from hyper_registry.domain.errors.access import PermissionDeniedError
from hyper_registry.domain.errors.job import JobNotFoundError
from hyper_registry.domain.job import JobKind, JobState
from hyper_registry.storage.database import Database, connect
from hyper_registry.storage.job_store import JobStore
from hyper_registry.storage.journal_store import JournalStore
from tests.support.services import EDITOR, VIEWER


@pytest.fixture
def jobs(database: Database) -> JobService:
    return JobService(database, JobStore(), JournalStore())


async def test_one_job_of_a_kind_is_active_at_a_time(jobs: JobService):
    first = await jobs.request(EDITOR, JobKind.EMBED, {"why": "test"})
    assert (first.state, first.parameters, first.held) == (JobState.PENDING, {"why": "test"}, False)
    requests = [jobs.request(EDITOR, JobKind.EMBED) for _ in range(5)]
    assert {job.job_id for job in await asyncio.gather(*requests)} == {first.job_id}
    other = await jobs.request(EDITOR, JobKind.BUILD_INDEX)
    assert [job.job_id for job in await jobs.list_latest(EDITOR)] == [other.job_id, first.job_id]


async def test_a_stopped_job_makes_room_for_the_next(jobs: JobService):
    first = await jobs.request(EDITOR, JobKind.EMBED)
    stopped = await jobs.stop(EDITOR, first.job_id)
    assert stopped.state is JobState.STOPPED
    assert stopped.finished_at is not None
    assert (await jobs.stop(EDITOR, first.job_id)) == stopped
    assert (await jobs.request(EDITOR, JobKind.EMBED)).job_id != first.job_id


async def test_viewers_see_and_request_no_jobs(jobs: JobService):
    job = await jobs.request(EDITOR, JobKind.EMBED)
    for call in (
        jobs.request(VIEWER, JobKind.EMBED),
        jobs.get(VIEWER, job.job_id),
        jobs.list_latest(VIEWER),
        jobs.stop(VIEWER, job.job_id),
    ):
        with pytest.raises(PermissionDeniedError):
            await call


async def test_an_unknown_job_is_named(jobs: JobService):
    with pytest.raises(JobNotFoundError, match="'embed-0'"):
        await jobs.get(EDITOR, "embed-0")


async def test_a_hold_ends_with_the_session_that_has_it(jobs: JobService, database: Database):
    store = JobStore()
    job = await jobs.request(EDITOR, JobKind.EMBED)
    first, second = await connect(database.dsn), await connect(database.dsn)
    try:
        assert await store.try_hold(first, job.job_id)
        assert not await store.try_hold(second, job.job_id)
        assert await store.begin_attempt(first, job.job_id) == 1
        held = await jobs.get(EDITOR, job.job_id)
        assert (held.state, held.held, held.is_interrupted) == (JobState.RUNNING, True, False)
        # What the kernel does when a driver is killed.
        first.terminate()
        for _ in range(100):
            if not (await jobs.get(EDITOR, job.job_id)).held:
                break
            await asyncio.sleep(0.05)
        assert (await jobs.get(EDITOR, job.job_id)).is_interrupted
        assert await store.try_hold(second, job.job_id)
        assert await store.begin_attempt(second, job.job_id) == 2
    finally:
        await second.close()


async def test_only_the_running_attempt_reports_and_ends(jobs: JobService, database: Database):
    store = JobStore()
    job = await jobs.request(EDITOR, JobKind.EMBED)
    async with database.connection() as connection:
        await store.begin_attempt(connection, job.job_id)
        first = await jobs.get(EDITOR, job.job_id)
        await store.begin_attempt(connection, job.job_id)
        second = await jobs.get(EDITOR, job.job_id)
        step = {"done": 5, "total": 9, "checkpoint": {"after": 5}}
        assert not await store.report(connection, first, **step)
        assert await store.report(connection, second, **step, estimate={"seconds": 1.5})
        assert not await store.end(connection, first, JobState.FAILED, error="late")
        assert await store.end(connection, second, JobState.SUCCEEDED, result={"embedded": 9})
        assert not await store.report(connection, second, **step)
    ended = await jobs.get(EDITOR, job.job_id)
    assert (ended.state, ended.done, ended.total, ended.attempt) == (JobState.SUCCEEDED, 5, 9, 2)
    assert (ended.checkpoint, ended.estimate) == ({"after": 5}, {"seconds": 1.5})
    assert (ended.result, ended.error) == ({"embedded": 9}, None)
