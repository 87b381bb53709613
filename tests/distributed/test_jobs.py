"""Batch jobs on a real Ray, killed and taken up again."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from cluster.job_submission import RayJobs
from cluster.local_instance import SOURCE_ROOT, StartedInstance
from hyper_registry.catalog.jobs import JobService
from hyper_registry.domain.job import Job, JobKind, JobState
from hyper_registry.storage.database import Database
from hyper_registry.storage.job_store import JobStore
from hyper_registry.storage.journal_store import JournalStore
from tests.support.services import ADMIN, EDITOR, build_services, draft

pytestmark = [
    # Ray's schema uses an argument that this pydantic calls deprecated, once, at its import.
    pytest.mark.filterwarnings(
        "ignore:Using extra keyword arguments on `Field`:"
        "pydantic.warnings.PydanticDeprecatedSince20"
    ),
    pytest.mark.timeout(240),
]

ENTRIES = 3_000


@pytest.fixture
def jobs(database: Database) -> JobService:
    return JobService(database, JobStore(), JournalStore())


@pytest.fixture
def environment(dsn: str, instance_home: Path) -> dict[str, str]:
    return {
        "HYPER_REGISTRY_DATABASE_URL": dsn,
        "HYPER_REGISTRY_HOME": str(instance_home / "registry"),
        "HYPER_REGISTRY_DATABASE__POOL_MIN": "1",
        "HYPER_REGISTRY_JOBS__BATCH_ROWS": "64",
        "HYPER_REGISTRY_JOBS__PAGE_ROWS": "512",
        "HYPER_REGISTRY_JOBS__WORKER_CPUS": "0.4",
    }


async def register_entries(database: Database, count: int) -> None:
    drafts = {
        number: draft(
            entry_id=f"entry-{number}",
            title=f"Service number {number}",
            description="It answers requests about the weather. " * (1 + number % 7),
        )
        for number in range(count)
    }
    registered, refused = await build_services(database).entries.register_many(EDITOR, drafts)
    assert (len(registered), refused) == (count, {})


async def submit(ray_jobs: RayJobs, jobs: JobService, job: Job, environment: dict[str, str]) -> str:
    submission_id = await asyncio.to_thread(ray_jobs.submit, job, environment)
    await jobs.record_submission(job.job_id, submission_id)
    return submission_id


async def until(jobs: JobService, job: Job, *, done: int = 0, timeout_s: float = 120.0) -> Job:
    """Wait until the job has ended or has done so much."""
    deadline = time.monotonic() + timeout_s
    while True:
        current = await jobs.get(ADMIN, job.job_id)
        if not current.state.is_active or (done and current.done >= done):
            return current
        assert time.monotonic() < deadline, current
        await asyncio.sleep(0.1)


async def embedded(database: Database) -> dict[int, tuple[int, bytes]]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "select entry_key, change_xid, input_hash from entry_embedding"
        )
    return {row["entry_key"]: (row["change_xid"], row["input_hash"]) for row in rows}


def wait_for_end(ray_jobs: RayJobs, submission_id: str) -> None:
    deadline = time.monotonic() + 60
    while not ray_jobs.has_ended(submission_id):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def driver_of(job: Job) -> psutil.Process:
    drivers = [
        process
        for process in psutil.process_iter(["cmdline"])
        if job.job_id in (process.info["cmdline"] or [])
    ]
    assert len(drivers) == 1, drivers
    return drivers[0]


async def test_a_killed_embedding_job_goes_on_without_doing_a_row_twice(
    instance: StartedInstance,
    instance_home: Path,
    environment: dict[str, str],
    jobs: JobService,
    database: Database,
):
    await register_entries(database, ENTRIES)
    ray_jobs = RayJobs.of_instance(instance_home)
    job = await jobs.request(ADMIN, JobKind.EMBED)
    first = await submit(ray_jobs, jobs, job, environment)
    under_way = await until(jobs, job, done=700)
    assert under_way.state is JobState.RUNNING
    assert under_way.total == ENTRIES
    assert under_way.checkpoint["after"] > 0
    driver_of(job).send_signal(signal.SIGKILL)
    await asyncio.to_thread(wait_for_end, ray_jobs, first)
    interrupted = await jobs.get(ADMIN, job.job_id)
    assert interrupted.is_interrupted
    before = await embedded(database)
    assert 700 <= len(before) < ENTRIES

    again = await jobs.request(ADMIN, JobKind.EMBED)
    assert again.job_id == job.job_id
    await submit(ray_jobs, jobs, again, environment)
    ended = await until(jobs, job)
    assert (ended.state, ended.attempt, ended.error) == (JobState.SUCCEEDED, 2, None)
    assert ended.result["embedded"] == ENTRIES - len(before)
    after = await embedded(database)
    assert len(after) == ENTRIES
    assert {key: after[key] for key in before} == before


async def test_a_stopped_job_ends_and_keeps_what_it_stored(
    instance: StartedInstance,
    instance_home: Path,
    environment: dict[str, str],
    jobs: JobService,
    database: Database,
):
    await register_entries(database, ENTRIES)
    ray_jobs = RayJobs.of_instance(instance_home)
    job = await jobs.request(ADMIN, JobKind.EMBED)
    submission = await submit(ray_jobs, jobs, job, environment)
    await until(jobs, job, done=100)
    await jobs.stop(ADMIN, job.job_id)
    await asyncio.to_thread(ray_jobs.stop, submission)
    stopped = await jobs.get(ADMIN, job.job_id)
    assert (stopped.state, stopped.held) == (JobState.STOPPED, False)
    assert 100 <= len(await embedded(database)) < ENTRIES


async def test_a_job_runs_directly_with_a_ray_of_its_own(
    environment: dict[str, str], jobs: JobService, database: Database
):
    await register_entries(database, 3)
    driver = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "jobs.embed"),
        env=os.environ | environment | {"RAY_AUTH_MODE": "disabled"},
        stdout=asyncio.subprocess.PIPE,
        cwd=SOURCE_ROOT,
    )
    output, _ = await driver.communicate()
    (job,) = await jobs.list_latest(ADMIN)
    assert driver.returncode == 0
    assert output.decode().startswith(f"{job.job_id} succeeded")
    assert (job.state, job.done, job.total) == (JobState.SUCCEEDED, 3, 3)
    assert len(await embedded(database)) == 3


async def test_a_job_that_cannot_work_is_recorded_as_failed(
    environment: dict[str, str], jobs: JobService, database: Database
):
    driver = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "jobs.embed"),
        env=os.environ | environment | {"HYPER_REGISTRY_EMBEDDING__MODEL": "/no/model"},
        stderr=asyncio.subprocess.PIPE,
        cwd=SOURCE_ROOT,
    )
    _, complaint = await driver.communicate()
    (job,) = await jobs.list_latest(ADMIN)
    assert driver.returncode == 1
    assert "/no/model" in complaint.decode().strip().splitlines()[-1]
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert "/no/model" in job.error
