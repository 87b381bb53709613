"""Relationships: typed, weighted edges between entries."""

import math
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from hyper_registry.domain.identifiers import EntryId, RelationshipId
from hyper_registry.domain.text import JsonObject

REL_TYPE_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"


class Direction(StrEnum):
    """Which side of its relationships an entry stands on."""

    OUT = "out"
    IN = "in"
    BOTH = "both"


class RelationshipDraft(BaseModel):
    """The part of a relationship that people write."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source_id: EntryId
    target_id: EntryId
    rel_type: Annotated[str, StringConstraints(pattern=REL_TYPE_PATTERN)]
    weight: float = 1.0
    bidirectional: bool = False
    metadata: JsonObject = Field(default_factory=dict)

    @model_validator(mode="after")
    def _finite_weight(self) -> Self:
        if not math.isfinite(self.weight) or self.weight < 0:
            msg = f"weight {self.weight} is not a finite number of at least 0"
            raise ValueError(msg)
        return self


class Relationship(RelationshipDraft):
    """A relationship as the registry holds it."""

    relationship_id: RelationshipId
    version: int
    created_at: datetime
    created_by: str


class RelatedEntry(BaseModel):
    """One relationship of an entry, seen from it."""

    model_config = ConfigDict(frozen=True)

    relationship: Relationship
    direction: Direction
    entry_id: EntryId
    title: str
    category: str
