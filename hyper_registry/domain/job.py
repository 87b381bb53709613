"""Batch jobs: what was asked for, how far it is, and what came of it."""

import secrets
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from hyper_registry.domain.identifiers import JobId


class JobKind(StrEnum):
    """What a job does; each kind is a module of the package `jobs`."""

    EMBED = "embed"
    BUILD_INDEX = "build_index"
    ROTATE_KEYS = "rotate_keys"
    PURGE = "purge"


class JobState(StrEnum):
    """Where a job stands."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def is_active(self) -> bool:
        """Whether the job may still do something; one job of a kind is active at a time."""
        return self in {JobState.PENDING, JobState.RUNNING}


class Job(BaseModel):
    """One job as its row records it.

    Attributes
    ----------
    done, total
        Units of work, of which the kind decides the size; `total` is None until the job has
        counted.
    checkpoint
        What a further attempt starts from.
    estimate, result
        Figures expected before the work and found after it.
    attempt
        How many drivers have taken the job up, this one included.
    held
        Whether a driver has the job in hand at this moment; a running job that is not held was
        interrupted and can be submitted again.
    """

    model_config = ConfigDict(frozen=True)

    job_id: JobId
    kind: JobKind
    state: JobState
    parameters: dict[str, Any]
    estimate: dict[str, Any]
    checkpoint: dict[str, Any]
    result: dict[str, Any]
    done: int
    total: int | None
    attempt: int
    held: bool
    submission_id: str | None
    error: str | None
    created_by: str
    created_at: datetime
    started_at: datetime | None
    heartbeat_at: datetime | None
    finished_at: datetime | None

    @property
    def is_interrupted(self) -> bool:
        """Whether its driver vanished before the job had ended."""
        return self.state is JobState.RUNNING and not self.held


def new_job_id(kind: JobKind) -> JobId:
    """Return a fresh id that names the kind."""
    return JobId(f"{kind.value.replace('_', '-')}-{secrets.token_hex(4)}")
