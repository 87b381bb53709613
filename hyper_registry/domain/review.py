"""Reviews: changes of entries that wait for the approval of owners."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from hyper_registry.domain.identifiers import EntryId
from hyper_registry.domain.text import JsonObject, Text

_Note = Annotated[Text, Field(max_length=2_000)]


class ReviewState(StrEnum):
    """Where a review stands; only an open one is decided about.

    One is outdated once its entry is at another version than the change was proposed to.
    """

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    OUTDATED = "outdated"


class Decision(StrEnum):
    """What an owner decides."""

    APPROVE = "approve"
    REJECT = "reject"


class ReviewDraft(BaseModel):
    """A change to propose: an RFC 7386 merge patch of the entry, its handle included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    patch: JsonObject
    note: _Note = ""


class DecisionDraft(BaseModel):
    """A decision to make."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    decision: Decision
    note: _Note = ""


class ReviewDecision(BaseModel):
    """What one of the owners decided."""

    model_config = ConfigDict(frozen=True)

    decided_by: str
    decision: Decision
    note: str
    decided_at: datetime


class Review(BaseModel):
    """A proposed change of an entry at a version.

    Attributes
    ----------
    namespace
        Form of the namespace whose owners decide: where the entry is once the patch is applied.
    applied_version
        The version that the patch made of the entry.
    """

    model_config = ConfigDict(frozen=True)

    review_id: UUID
    entry_id: EntryId
    version: int
    namespace: str
    patch: JsonObject
    note: str
    state: ReviewState
    proposed_by: str
    proposed_at: datetime
    closed_at: datetime | None
    applied_version: int | None
    decisions: tuple[ReviewDecision, ...]

    @property
    def approvers(self) -> list[str]:
        """Who approved it."""
        return [each.decided_by for each in self.decisions if each.decision is Decision.APPROVE]


class ReviewPage(BaseModel):
    """Reviews in the order in which they were proposed; `next_after` continues, null ends."""

    items: list[Review]
    next_after: UUID | None
