"""Relationships: typed, weighted edges between entries."""

from datetime import datetime
from enum import StrEnum
from struct import Struct
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from hyper_registry.domain.identifiers import ENTRY_ID_PATTERN, EntryId, RelationshipId
from hyper_registry.domain.text import JsonObject

_LARGEST_WEIGHT = 3.4e38
_SINGLE = Struct("f")
REL_TYPE_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"


def _storable_weight(value: float) -> float:
    if not 0 <= value <= _LARGEST_WEIGHT:  # NaN is in no range
        msg = f"{value} is not a finite number from 0 to {_LARGEST_WEIGHT:.1e}"
        raise ValueError(msg)
    return value


Weight = Annotated[float, AfterValidator(_storable_weight)]
"""How strong a relationship is: a finite number of at least 0 that single precision can hold."""


def single_precision(weight: float) -> float:
    """Return the weight as it is stored.

    >>> single_precision(0.5), single_precision(0.1) == 0.1
    (0.5, False)
    """
    return _SINGLE.unpack(_SINGLE.pack(weight))[0]


class Direction(StrEnum):
    """Which side of its relationships an entry stands on."""

    OUT = "out"
    IN = "in"
    BOTH = "both"


class RelationshipDraft(BaseModel):
    """The part of a relationship that people write."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source_id: Annotated[EntryId, StringConstraints(pattern=ENTRY_ID_PATTERN)]
    target_id: Annotated[EntryId, StringConstraints(pattern=ENTRY_ID_PATTERN)]
    rel_type: Annotated[str, StringConstraints(pattern=REL_TYPE_PATTERN)]
    weight: Weight = 1.0
    bidirectional: bool = False
    metadata: JsonObject = Field(default_factory=dict)


class Relationship(RelationshipDraft):
    """A relationship as the registry holds it."""

    relationship_id: RelationshipId
    version: int
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str


class RelationshipVersion(RelationshipDraft):
    """A relationship as it was from one moment to the next; `superseded_at` is None if it still is.

    `actor` wrote this version.
    """

    relationship_id: RelationshipId
    version: int
    actor: str
    valid_from: datetime
    superseded_at: datetime | None
    created_at: datetime
    created_by: str


class RelationshipVersionPage(BaseModel):
    """Versions of a relationship, newest first; `next_before` continues, null ends."""

    model_config = ConfigDict(frozen=True)

    items: list[RelationshipVersion]
    next_before: int | None


class RelatedEntry(BaseModel):
    """One relationship of an entry, seen from it."""

    model_config = ConfigDict(frozen=True)

    relationship: Relationship
    direction: Direction
    entry_id: EntryId
    title: str
    category: str
