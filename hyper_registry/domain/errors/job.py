"""Errors about batch jobs."""

from typing_extensions import override

from hyper_registry.domain.errors.base import RegistryError


class JobNotFoundError(RegistryError):
    """No job of this id exists."""

    code = "job_not_found"

    def __init__(self, job_id: str) -> None:
        super().__init__(job_id)
        self.job_id = job_id

    @override
    def __str__(self) -> str:
        return f"no job {self.job_id!r}"

    @property
    @override
    def remedy(self) -> str:
        return "List the jobs with 'hyper-registry job list'."


class JobNotRunnableError(RegistryError):
    """A driver may not take up, or go on with, a job."""

    code = "job_not_runnable"

    def __init__(self, job_id: str, reason: str) -> None:
        super().__init__(job_id, reason)
        self.job_id = job_id
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"job {self.job_id!r} {self.reason}"

    @property
    @override
    def remedy(self) -> str:
        return "See 'hyper-registry job list'; submit a new job of its kind if work is left."
