"""Batch jobs on a real Ray, killed and taken up again."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from cluster.instance import InstancePaths
from cluster.job_submission import RayJobs
from cluster.local_instance import SOURCE_ROOT, StartedInstance
from hyper_registry.ai.model_files import locate_model
from hyper_registry.domain.index_version import IndexVersion, IndexVersionState
from hyper_registry.domain.job import Job, JobKind, JobState
from hyper_registry.factory import job_service
from hyper_registry.storage.database import Database
from hyper_registry.storage.index_store import IndexStore
from hyper_registry.storage.search_store import SearchStore
from index.manifest import SHARD_MANIFEST
from index.snapshot import Snapshot
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


class World:
    """A registry of a test's own, and the Ray that runs its jobs."""

    def __init__(self, database: Database, environment: dict[str, str], ray_jobs: RayJobs) -> None:
        self.database = database
        self.environment = environment
        self.ray_jobs = ray_jobs
        self.jobs = job_service(database)

    async def register(self, count: int) -> None:
        drafts = {
            number: draft(
                entry_id=f"entry-{number}",
                title=f"Service number {number}",
                description="It answers requests about the weather. " * (1 + number % 7),
            )
            for number in range(count)
        }
        registered, refused = await build_services(self.database).entries.register_many(
            EDITOR, drafts
        )
        assert (len(registered), refused) == (count, {})

    async def embed_at_random(self) -> None:
        """Store a vector for every entry, as an index build wants them."""
        store, model_id = SearchStore(), locate_model().model_id
        async with self.database.transaction() as connection:
            inputs = await store.fetch_unembedded(connection, model_id, 0, 100_000)
            vectors = np.random.default_rng(7).normal(size=(len(inputs), 384))
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            await store.upsert_embeddings(connection, model_id, inputs, vectors.astype(np.float32))

    async def submit(self, kind: JobKind) -> Job:
        """Have Ray take up the active job of a kind, or a new one."""
        job = await self.jobs.request(ADMIN, kind)
        submission_id = await asyncio.to_thread(self.ray_jobs.submit, job, self.environment)
        await self.jobs.record_submission(job.job_id, submission_id)
        return await self.jobs.get(ADMIN, job.job_id)

    async def until(self, job: Job, *, done: int = 0) -> Job:
        """Wait until the job has ended or has done so much."""
        deadline = time.monotonic() + 120
        while True:
            current = await self.jobs.get(ADMIN, job.job_id)
            if not current.state.is_active or (done and current.done >= done):
                return current
            assert time.monotonic() < deadline, current
            await asyncio.sleep(0.1)

    async def kill_driver(self, job: Job) -> Job:
        """End the job's driver without warning, and read what it left."""
        drivers = [
            process
            for process in psutil.process_iter(["cmdline"])
            if job.job_id in (process.info["cmdline"] or [])
        ]
        assert len(drivers) == 1, drivers
        drivers[0].send_signal(signal.SIGKILL)
        assert job.submission_id is not None
        await asyncio.to_thread(self._await_end, job.submission_id)
        return await self.jobs.get(ADMIN, job.job_id)

    def _await_end(self, submission_id: str) -> None:
        deadline = time.monotonic() + 60
        while not self.ray_jobs.has_ended(submission_id):
            assert time.monotonic() < deadline
            time.sleep(0.1)

    async def embedded(self) -> dict[int, tuple[int, bytes]]:
        """Transaction and input hash of each stored vector, by entry key."""
        async with self.database.connection() as connection:
            rows = await connection.fetch(
                "select entry_key, change_xid, input_hash from entry_embedding"
            )
        return {row["entry_key"]: (row["change_xid"], row["input_hash"]) for row in rows}

    async def versions(self) -> list[IndexVersion]:
        async with self.database.connection() as connection:
            return await IndexStore().list_versions(connection)


@pytest.fixture
def environment(dsn: str, instance_home: Path) -> dict[str, str]:
    return {
        "HYPER_REGISTRY_DATABASE_URL": dsn,
        "HYPER_REGISTRY_HOME": str(instance_home / "registry"),
        "HYPER_REGISTRY_DATABASE__POOL_MIN": "1",
        "HYPER_REGISTRY_JOBS__BATCH_ROWS": "64",
        "HYPER_REGISTRY_JOBS__PAGE_ROWS": "512",
        "HYPER_REGISTRY_JOBS__WORKER_CPUS": "0.4",
        "HYPER_REGISTRY_INDEX__SHARD_ROWS": "200",
        "HYPER_REGISTRY_INDEX__KEEP_VERSIONS": "2",
    }


@pytest.fixture
def world(
    instance: StartedInstance, instance_home: Path, environment: dict[str, str], database: Database
) -> World:
    return World(database, environment, RayJobs.of_instance(instance_home))


async def test_a_killed_embedding_job_goes_on_without_doing_a_row_twice(world: World):
    await world.register(ENTRIES)
    job = await world.submit(JobKind.EMBED)
    under_way = await world.until(job, done=700)
    assert under_way.state is JobState.RUNNING
    assert under_way.total == ENTRIES
    assert under_way.checkpoint["after"] > 0
    assert (await world.kill_driver(under_way)).is_interrupted
    before = await world.embedded()
    assert 700 <= len(before) < ENTRIES

    again = await world.submit(JobKind.EMBED)
    assert again.job_id == job.job_id
    ended = await world.until(job)
    assert (ended.state, ended.attempt, ended.error) == (JobState.SUCCEEDED, 2, None)
    assert ended.result["embedded"] == ENTRIES - len(before)
    after = await world.embedded()
    assert len(after) == ENTRIES
    assert {key: after[key] for key in before} == before


async def test_a_stopped_job_of_sent_sources_ends_and_keeps_what_it_stored(
    world: World, instance: StartedInstance, instance_home: Path
):
    await world.register(ENTRIES)
    token = InstancePaths.of(instance_home).read_token()
    world.ray_jobs = RayJobs(instance.dashboard_url, token=token, working_directory=SOURCE_ROOT)
    job = await world.submit(JobKind.EMBED)
    await world.until(job, done=100)
    await world.jobs.stop(ADMIN, job.job_id)
    assert job.submission_id is not None
    await asyncio.to_thread(world.ray_jobs.stop, job.submission_id)
    stopped = await world.jobs.get(ADMIN, job.job_id)
    assert (stopped.state, stopped.held) == (JobState.STOPPED, False)
    assert 100 <= len(await world.embedded()) < ENTRIES


async def test_a_killed_index_build_goes_on_with_the_shards_that_are_missing(world: World):
    await world.register(ENTRIES)
    await world.embed_at_random()
    job = await world.submit(JobKind.BUILD_INDEX)
    under_way = await world.until(job, done=2)
    assert (under_way.state, under_way.total) == (JobState.RUNNING, ENTRIES // 200)
    killed = await world.kill_driver(under_way)
    assert killed.is_interrupted
    (version,) = await world.versions()
    assert (version.state, version.directory) == (
        IndexVersionState.BUILDING,
        Path(killed.checkpoint["directory"]),
    )
    assert version.directory is not None
    built = {
        path: path.stat().st_mtime_ns for path in version.directory.glob(f"*/{SHARD_MANIFEST}")
    }
    assert 2 <= len(built) < ENTRIES // 200

    await world.submit(JobKind.BUILD_INDEX)
    ended = await world.until(job)
    assert (ended.state, ended.attempt, ended.error) == (JobState.SUCCEEDED, 2, None)
    assert {path: path.stat().st_mtime_ns for path in built} == built
    (active,) = await world.versions()
    assert (active.version, active.state) == (version.version, IndexVersionState.ACTIVE)
    assert active.row_count == ENTRIES
    snapshot = Snapshot.open(version.directory, model_id=active.model_id, verify=True)
    assert (snapshot.row_count, snapshot.snapshot_xid) == (ENTRIES, active.snapshot_xid)


async def test_a_new_version_follows_and_files_of_old_and_given_up_ones_go(world: World):
    given_up = await world.submit(JobKind.BUILD_INDEX)  # of an empty registry
    await world.until(given_up, done=1)
    await world.register(50)
    await world.embed_at_random()
    async with world.database.connection() as connection:
        abandoned = await IndexStore().create(
            connection, uri="file:///nowhere", snapshot_xid=1, model_id="m", shard_count=1
        )
    await world.until(given_up)
    ended = [await world.until(await world.submit(JobKind.BUILD_INDEX)) for _ in range(2)]
    assert [job.state for job in ended] == [JobState.SUCCEEDED] * 2
    versions = await world.versions()
    assert [(item.state.value, item.row_count) for item in versions] == [
        ("active", 50),
        ("retired", 50),
    ]
    assert abandoned.version not in {item.version for item in versions}
    root = Path(world.environment["HYPER_REGISTRY_HOME"]) / "index"
    kept = {item.directory for item in versions}
    assert kept <= set(root.iterdir())
    assert root / given_up.job_id not in set(root.iterdir())


async def test_a_job_runs_directly_with_a_ray_of_its_own(environment: dict[str, str], world: World):
    await world.register(3)
    driver = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "jobs.embed"),
        env=os.environ | environment | {"RAY_AUTH_MODE": "disabled"},
        stdout=asyncio.subprocess.PIPE,
        cwd=SOURCE_ROOT,
    )
    output, _ = await driver.communicate()
    (job,) = await world.jobs.list_latest(ADMIN)
    assert driver.returncode == 0
    assert output.decode().startswith(f"{job.job_id} succeeded")
    assert (job.state, job.done, job.total) == (JobState.SUCCEEDED, 3, 3)
    assert len(await world.embedded()) == 3


async def test_a_job_that_cannot_work_is_recorded_as_failed(
    environment: dict[str, str], world: World
):
    driver = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "jobs.embed"),
        env=os.environ | environment | {"HYPER_REGISTRY_EMBEDDING__MODEL": "/no/model"},
        stderr=asyncio.subprocess.PIPE,
        cwd=SOURCE_ROOT,
    )
    _, complaint = await driver.communicate()
    (job,) = await world.jobs.list_latest(ADMIN)
    assert driver.returncode == 1
    assert "/no/model" in complaint.decode().strip().splitlines()[-1]
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert "/no/model" in job.error
