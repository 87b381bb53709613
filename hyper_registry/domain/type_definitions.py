"""Types that a deployment defines: categories of entries, and kinds of relationships."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, JsonValue, StringConstraints, model_validator

from hyper_registry.domain.approval import HeldPolicy
from hyper_registry.domain.entry import CATEGORY_PATTERN
from hyper_registry.domain.lifecycle import Lifecycle
from hyper_registry.domain.metadata_schema import MetadataSchema
from hyper_registry.domain.relationship import REL_TYPE_PATTERN
from hyper_registry.domain.schema_compatibility import CompatibilityMode
from hyper_registry.domain.text import Text

CategoryName = Annotated[str, StringConstraints(pattern=CATEGORY_PATTERN)]
RelationshipTypeName = Annotated[str, StringConstraints(pattern=REL_TYPE_PATTERN)]


class CategoryChange(BaseModel):
    """What to change of a category; what is left out stays as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: Annotated[Text, StringConstraints(max_length=2_000)] | None = None
    compatibility: CompatibilityMode | None = None
    lifecycle: Lifecycle | None = None


class CategoryDraft(CategoryChange):
    """A category that a deployment adds."""

    name: CategoryName


class CategoryDefinition(BaseModel):
    """A category as the registry holds it; without a lifecycle the standard one holds."""

    model_config = ConfigDict(frozen=True)

    name: str
    built_in: bool
    description: str
    compatibility: CompatibilityMode
    lifecycle: Lifecycle | None
    schema_version: int | None
    created_at: datetime
    created_by: str


class SchemaVersion(BaseModel):
    """One version of a category's schema."""

    model_config = ConfigDict(frozen=True)

    category: str
    version: int
    document: dict[str, JsonValue]
    created_at: datetime
    created_by: str


class InvalidEntry(BaseModel):
    """An entry whose metadata a schema does not accept, and where."""

    entry_id: str
    faults: list[str]


class SchemaReport(BaseModel):
    """What a new version of a schema means for what exists.

    Attributes
    ----------
    version
        The version that was stored; None if this was a trial.
    breaks
        What is not compatible, as `POINTER: REASON`.
    checked, invalid_count
        Entries looked at, and those that do not fit. They stay as they are until their next write.
    invalid
        The first of those.
    complete
        Whether every living entry of the category was looked at.
    """

    version: int | None
    compatibility: CompatibilityMode
    breaks: list[str]
    checked: int
    invalid_count: int
    invalid: list[InvalidEntry]
    complete: bool


class Cardinality(StrEnum):
    """How many entries may stand on each side of a kind of relationship."""

    ONE_TO_ONE = "one_to_one"
    ONE_TO_MANY = "one_to_many"
    MANY_TO_ONE = "many_to_one"
    MANY_TO_MANY = "many_to_many"

    @property
    def one_target(self) -> bool:
        """Whether a source has one target at most."""
        return self in {Cardinality.ONE_TO_ONE, Cardinality.MANY_TO_ONE}

    @property
    def one_source(self) -> bool:
        """Whether a target has one source at most."""
        return self in {Cardinality.ONE_TO_ONE, Cardinality.ONE_TO_MANY}


class RelationshipTypeChange(BaseModel):
    """What a kind of relationship means and allows; categories of null are all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: Annotated[Text, StringConstraints(max_length=2_000)] = ""
    source_categories: tuple[CategoryName, ...] | None = None
    target_categories: tuple[CategoryName, ...] | None = None
    cardinality: Cardinality = Cardinality.MANY_TO_MANY
    inverse: RelationshipTypeName | None = None
    symmetric: bool = False

    @model_validator(mode="after")
    def _symmetric_both_ways(self) -> Self:
        if self.symmetric and self.source_categories != self.target_categories:
            msg = "a symmetric type has the same categories on both sides"
            raise ValueError(msg)
        if self.symmetric and self.cardinality.one_source is not self.cardinality.one_target:
            msg = "a symmetric type is one_to_one or many_to_many"
            raise ValueError(msg)
        if self.symmetric and self.inverse is not None:
            msg = "a symmetric type is its own inverse; leave 'inverse' out"
            raise ValueError(msg)
        return self


class RelationshipTypeDefinition(RelationshipTypeChange):
    """A kind of relationship as the registry holds it; one that nobody described allows all."""

    name: str
    described: bool
    updated_at: datetime
    updated_by: str | None

    @property
    def counts(self) -> bool:
        """Whether a new relationship depends on those that exist."""
        return self.cardinality is not Cardinality.MANY_TO_MANY


@dataclass(frozen=True, slots=True)
class CategoryRules:
    """What is asked of the entries of a category."""

    lifecycle: Lifecycle
    schema: MetadataSchema | None = None
    schema_version: int = 0


@dataclass(frozen=True, slots=True)
class TypeDefinitions:
    """All definitions as of one revision.

    Attributes
    ----------
    approvals
        The policies of namespaces, by their forms.
    """

    revision: int
    categories: Mapping[str, CategoryRules] = field(default_factory=dict[str, Any])
    relationship_types: Mapping[str, RelationshipTypeDefinition] = field(
        default_factory=dict[str, Any]
    )
    approvals: Mapping[str, HeldPolicy] = field(default_factory=dict[str, HeldPolicy])

    @property
    def category_names(self) -> tuple[str, ...]:
        """Names of all categories, sorted."""
        return tuple(sorted(self.categories))
