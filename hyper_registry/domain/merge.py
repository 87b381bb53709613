"""Merges of duplicates: one entry goes on for two, until that is undone."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from hyper_registry.domain.entry import SecurityContext, Visibility
from hyper_registry.domain.identifiers import EntryId
from hyper_registry.domain.principal import EVERYONE


class MergedPermissions(StrEnum):
    """Who sees what comes of a merge.

    With `KEEP` those who see the survivor. Since the relationships of the duplicate are shown with
    it, they must all see the duplicate too, or the merge is refused. With `UNION` all who see one
    of the two: that is said, never assumed.
    """

    KEEP = "keep"
    UNION = "union"


class DroppedFor(StrEnum):
    """Why a merge left a relationship out."""

    SELF = "self"
    SAME = "same"
    CARDINALITY = "cardinality"


class DroppedRelationship(BaseModel):
    """A relationship that a merge left out: between the two, or the weaker of two."""

    model_config = ConfigDict(frozen=True)

    relationship_id: UUID
    reason: DroppedFor


class Merge(BaseModel):
    """A duplicate that was merged into another entry.

    Attributes
    ----------
    moved
        How many relationships went over to the survivor.
    dropped
        Those that were left out; undoing the merge brings them back.
    """

    model_config = ConfigDict(frozen=True)

    merge_id: UUID
    survivor_id: EntryId
    duplicate_id: EntryId
    permissions: MergedPermissions
    moved: int
    dropped: tuple[DroppedRelationship, ...]
    merged_at: datetime
    merged_by: str
    undone_at: datetime | None = None
    undone_by: str | None = None


_WIDER = (Visibility.PRIVATE, Visibility.INTERNAL, Visibility.PUBLIC)


def are_within(readers: list[str], others: list[str]) -> bool:
    """Whether all who are admitted by some readers are admitted by others.

    Examples
    --------
    >>> are_within(["user:ann"], ["*"]), are_within(["*"], ["user:ann"])
    (True, False)
    """
    return EVERYONE in others or set(readers) <= set(others)


def united(survivor: SecurityContext, duplicate: SecurityContext) -> SecurityContext:
    """Return what admits all whom one of two admits by name or group, or to everyone."""
    return SecurityContext(
        visibility=max(survivor.visibility, duplicate.visibility, key=_WIDER.index),
        readers=tuple(sorted({*survivor.readers, *duplicate.readers})),
    )
