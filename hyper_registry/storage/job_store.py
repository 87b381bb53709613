"""Reads and writes of batch jobs."""

from collections.abc import Mapping
from typing import Any

import asyncpg

from hyper_registry.domain.identifiers import JobId
from hyper_registry.domain.job import Job, JobKind, JobState
from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("job")


class JobStore:
    """Jobs in Postgres; takes a connection and never commits."""

    async def insert(
        self,
        connection: Connection,
        job_id: JobId,
        kind: JobKind,
        parameters: Mapping[str, Any],
        actor: str,
    ) -> bool:
        """Record a job; False if one of its kind is active."""
        row = await connection.fetchval(
            _SQL["insert_job"], job_id, kind.value, dict(parameters), actor
        )
        return row is not None

    async def fetch(self, connection: Connection, job_id: str) -> Job | None:
        """Read one job."""
        row = await connection.fetchrow(_SQL["fetch_job"], job_id)
        return None if row is None else _job(row)

    async def fetch_active(self, connection: Connection, kind: JobKind) -> JobId | None:
        """Return the id of the active job of a kind."""
        job_id = await connection.fetchval(_SQL["fetch_active_job"], kind.value)
        return None if job_id is None else JobId(job_id)

    async def list_latest(self, connection: Connection, limit: int) -> list[Job]:
        """Read the latest jobs, newest first."""
        return [_job(row) for row in await connection.fetch(_SQL["list_jobs"], limit)]

    async def try_hold(self, connection: Connection, job_id: JobId) -> bool:
        """Take the job for the connection's session; False if another driver has it.

        The hold ends with the session, so a killed driver gives it up without doing anything.
        """
        held: bool = await connection.fetchval(_SQL["try_hold"], job_id)
        return held

    async def begin_attempt(self, connection: Connection, job_id: JobId) -> int | None:
        """Set an active job running and return the number of its attempt; None if it has ended."""
        attempt: int | None = await connection.fetchval(_SQL["begin_attempt"], job_id)
        return attempt

    async def report(
        self,
        connection: Connection,
        job: Job,
        *,
        done: int,
        total: int | None,
        checkpoint: Mapping[str, Any],
        estimate: Mapping[str, Any] | None = None,
    ) -> bool:
        """Record how far an attempt is; False if it is no longer the running one."""
        row = await connection.fetchval(
            _SQL["report_progress"],
            job.job_id,
            job.attempt,
            done,
            total,
            dict(checkpoint),
            None if estimate is None else dict(estimate),
        )
        return row is not None

    async def end(
        self,
        connection: Connection,
        job: Job,
        state: JobState,
        *,
        result: Mapping[str, Any] | None = None,
        error: str | None = None,
    ) -> bool:
        """Set the final state of an attempt; False if it is no longer the running one."""
        row = await connection.fetchval(
            _SQL["end_job"], job.job_id, job.attempt, state.value, dict(result or {}), error
        )
        return row is not None

    async def stop(self, connection: Connection, job_id: JobId) -> bool:
        """Mark an active job stopped; False if it has ended."""
        return await connection.fetchval(_SQL["stop_job"], job_id) is not None

    async def record_submission(
        self, connection: Connection, job_id: JobId, submission_id: str
    ) -> None:
        """Note under which id Ray runs the job."""
        await connection.execute(_SQL["record_submission"], job_id, submission_id)


def _job(row: asyncpg.Record) -> Job:
    return Job.model_validate(dict(row))
