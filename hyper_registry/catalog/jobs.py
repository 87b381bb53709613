"""Jobs: requested, followed and stopped; each job is a row before it is anything else."""

from collections.abc import Mapping
from typing import Any

from hyper_registry.domain.errors.job import JobNotFoundError
from hyper_registry.domain.identifiers import JobId
from hyper_registry.domain.job import Job, JobKind, new_job_id
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.storage.database import Database
from hyper_registry.storage.job_store import JobStore
from hyper_registry.storage.journal_store import JournalStore


class JobService:
    """Batch jobs on behalf of a principal."""

    def __init__(self, database: Database, jobs: JobStore, journal: JournalStore) -> None:
        self._database = database
        self._jobs = jobs
        self._journal = journal

    async def request(
        self, principal: Principal, kind: JobKind, parameters: Mapping[str, Any] | None = None
    ) -> Job:
        """Return the active job of a kind, or a new one for a driver to take up.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor.
        """
        principal.require(Role.EDITOR, "request jobs")
        while True:
            async with self._database.transaction() as connection:
                job_id = new_job_id(kind)
                if await self._jobs.insert(
                    connection, job_id, kind, parameters or {}, principal.name
                ):
                    await self._journal.append_audit(
                        connection,
                        actor=principal.name,
                        action="job.create",
                        target=job_id,
                        detail={"kind": kind.value},
                    )
                active = await self._jobs.fetch_active(connection, kind)
                job = None if active is None else await self._jobs.fetch(connection, active)
            # None: the job that stood in the way has ended in this moment.
            if job is not None:
                return job

    async def get(self, principal: Principal, job_id: str) -> Job:
        """Read a job.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor.
        JobNotFoundError
            If there is none.
        """
        principal.require(Role.EDITOR, "read jobs")
        async with self._database.connection() as connection:
            job = await self._jobs.fetch(connection, job_id)
        if job is None:
            raise JobNotFoundError(job_id)
        return job

    async def list_latest(self, principal: Principal, limit: int = 20) -> list[Job]:
        """Return the latest jobs, newest first.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor.
        """
        principal.require(Role.EDITOR, "list jobs")
        async with self._database.connection() as connection:
            return await self._jobs.list_latest(connection, limit)

    async def stop(self, principal: Principal, job_id: str) -> Job:
        """Stop a job: its driver ends at its next report; one that has ended stays as it is.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor.
        JobNotFoundError
            If there is none.
        """
        principal.require(Role.EDITOR, "stop jobs")
        job = await self.get(principal, job_id)
        async with self._database.transaction() as connection:
            if await self._jobs.stop(connection, job.job_id):
                await self._journal.append_audit(
                    connection, actor=principal.name, action="job.stop", target=job_id
                )
        return await self.get(principal, job_id)

    async def record_submission(self, job_id: JobId, submission_id: str) -> None:
        """Note under which id Ray runs the job."""
        async with self._database.connection() as connection:
            await self._jobs.record_submission(connection, job_id, submission_id)
