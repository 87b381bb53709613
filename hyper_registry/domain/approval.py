"""What a namespace asks for before an entry of it takes a status: the approval of its owners."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from hyper_registry.domain.entry_status import EntryStatus
from hyper_registry.domain.errors.review import ApprovalRequiredError

MOST_APPROVALS = 10


class ApprovalPolicy(BaseModel):
    """In which statuses the entries of a namespace are as its owners approved them.

    Attributes
    ----------
    statuses
        The governed ones.
    approvals
        How many owners approve a change, the one who proposed it not among them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    statuses: Annotated[tuple[EntryStatus, ...], Field(min_length=1)] = (EntryStatus.ACTIVE,)
    approvals: Annotated[int, Field(ge=1, le=MOST_APPROVALS)] = 1

    @field_validator("statuses")
    @classmethod
    def _distinct(cls, statuses: tuple[EntryStatus, ...]) -> tuple[EntryStatus, ...]:
        return tuple(status for status in EntryStatus if status in statuses)


@dataclass(frozen=True, slots=True)
class HeldPolicy:
    """A policy that is in force since a time."""

    policy: ApprovalPolicy
    since: datetime


Policies = Mapping[str, HeldPolicy]
"""The policies in force, by the form of their namespace."""


def governing(
    policies: Policies, namespace: str | None, status: EntryStatus
) -> ApprovalPolicy | None:
    """Return the policy that governs entries of a namespace in a status.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> held = {"team": HeldPolicy(ApprovalPolicy(), datetime(2026, 1, 1, tzinfo=UTC))}
    >>> governing(held, "team", EntryStatus.DRAFT) is None
    True
    >>> governing(held, "team", EntryStatus.ACTIVE).approvals
    1
    """
    held = None if namespace is None else policies.get(namespace)
    if held is None or status not in held.policy.statuses:
        return None
    return held.policy


def require_ungoverned(policies: Policies, namespace: str | None, status: EntryStatus) -> None:
    """Refuse content of an entry that nobody approved.

    Raises
    ------
    ApprovalRequiredError
        If a policy governs it.
    """
    if governing(policies, namespace, status) is not None:
        raise ApprovalRequiredError(namespace or "", status.value)


def require_returnable(
    policies: Policies, namespace: str | None, status: EntryStatus, gone_at: datetime
) -> None:
    """Refuse to bring back as it was what went before a policy that governs it was in force.

    What went later was approved then, or lived when the policy came.

    Raises
    ------
    ApprovalRequiredError
        If it would be in a governed status.
    """
    if governing(policies, namespace, status) is None or namespace is None:
        return
    if gone_at < policies[namespace].since:
        raise ApprovalRequiredError(namespace, status.value)
