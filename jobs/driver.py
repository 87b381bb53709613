"""Driving a job: one driver at a time takes it up, reports how far it is, and ends it.

A driver holds its job by a session lock in Postgres. When it is killed the session ends, and with
it the hold: the next driver goes on from the last checkpoint, without waiting for a timeout.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from configs.settings import Settings
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.errors.job import JobNotRunnableError
from hyper_registry.domain.job import Job, JobKind, JobState
from hyper_registry.domain.principal import LOCAL_ADMIN
from hyper_registry.factory import job_service, open_database
from hyper_registry.storage.database import Database, connect
from hyper_registry.storage.job_store import JobStore

HEARTBEAT_S = 5.0

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class JobRun:
    """One attempt at a job, in the hands of its driver.

    Attributes
    ----------
    job
        The job as it was when the attempt began; `job.checkpoint` is where to go on.
    settings, database
        Of the driver.
    done, total
        Units of work done so far and in all.
    checkpoint
        What a further attempt would start from.
    """

    job: Job
    settings: Settings
    database: Database
    done: int = 0
    total: int | None = None
    checkpoint: dict[str, Any] = field(default_factory=dict[str, Any])
    _store: JobStore = field(default_factory=JobStore)

    async def report(
        self,
        *,
        done: int | None = None,
        total: int | None = None,
        checkpoint: Mapping[str, Any] | None = None,
        estimate: Mapping[str, Any] | None = None,
    ) -> None:
        """Record how far the attempt is; what is left out stays as it was.

        Raises
        ------
        JobNotRunnableError
            If the job was stopped, or another attempt has begun: the caller must end.
        """
        self.done = self.done if done is None else done
        self.total = self.total if total is None else total
        self.checkpoint = self.checkpoint if checkpoint is None else dict(checkpoint)
        async with self.database.connection() as connection:
            going_on = await self._store.report(
                connection,
                self.job,
                done=self.done,
                total=self.total,
                checkpoint=self.checkpoint,
                estimate=estimate,
            )
        if not going_on:
            raise JobNotRunnableError(self.job.job_id, "was stopped")


Work = Callable[[JobRun], Awaitable[dict[str, Any]]]


async def drive(kind: JobKind, work: Work, settings: Settings, job_id: str | None = None) -> Job:
    """Do a job from where its last attempt got to, and return it as it ended.

    Parameters
    ----------
    kind
        What the job must be.
    work
        Does the job and returns its result; it may be broken off at any point.
    settings
        Of this process.
    job_id
        The job; None for the active one of the kind, or else a new one.

    Raises
    ------
    JobNotFoundError
        If there is no such job.
    JobNotRunnableError
        If it is of another kind, has ended, was stopped meanwhile, or has another driver.
    RegistryError
        Whatever made `work` fail; the job is recorded as failed then.
    """
    async with open_database(settings) as database:
        jobs = job_service(database)
        job = await (
            jobs.request(LOCAL_ADMIN, kind) if job_id is None else jobs.get(LOCAL_ADMIN, job_id)
        )
        if job.kind is not kind:
            raise JobNotRunnableError(job.job_id, f"is a job of the kind {job.kind.value}")
        async with _held(database, job) as held:
            run = JobRun(held, settings, database, held.done, held.total, dict(held.checkpoint))
            await _attempt(run, work)
        return await jobs.get(LOCAL_ADMIN, job.job_id)


@asynccontextmanager
async def _held(database: Database, job: Job) -> AsyncGenerator[Job]:
    """Hold the job for this process and begin an attempt."""
    store = JobStore()
    session = await connect(database.dsn)
    try:
        if not await store.try_hold(session, job.job_id):
            raise JobNotRunnableError(job.job_id, "has another driver")
        async with database.connection() as connection:
            attempt = await store.begin_attempt(connection, job.job_id)
            current = await store.fetch(connection, job.job_id)
        if attempt is None or current is None:
            raise JobNotRunnableError(job.job_id, f"is {job.state.value} and does not run again")
        yield current
    finally:
        await session.close()


async def _attempt(run: JobRun, work: Work) -> None:
    heartbeat = asyncio.create_task(_keep_reporting(run))
    began = time.monotonic()
    try:
        result = await work(run)
        result["attempt_s"] = round(time.monotonic() - began, 3)
    except JobNotRunnableError:
        raise
    except Exception as error:
        await _end(run, error=str(error) or type(error).__name__)
        raise
    finally:
        heartbeat.cancel()
        with suppress(asyncio.CancelledError):
            await heartbeat
    await _end(run, result=result)


async def _end(
    run: JobRun, *, result: Mapping[str, Any] | None = None, error: str | None = None
) -> None:
    state = JobState.SUCCEEDED if error is None else JobState.FAILED
    async with run.database.connection() as connection:
        ended = await JobStore().end(connection, run.job, state, result=result, error=error)
    if not ended:
        raise JobNotRunnableError(run.job.job_id, "was stopped")


async def _keep_reporting(run: JobRun) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_S)
        try:
            await run.report()
        except JobNotRunnableError:
            return  # the work meets the same error at its next report
        except RegistryError:
            _logger.exception("The heartbeat of job %s was not recorded", run.job.job_id)
