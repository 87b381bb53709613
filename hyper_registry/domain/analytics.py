"""What the registry tells about itself as a whole."""

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from hyper_registry.domain.identifiers import EntryId


class CountedValue(BaseModel):
    """A value and how many entries have it."""

    model_config = ConfigDict(frozen=True)

    value: str
    entries: int


class DependedOn(BaseModel):
    """An entry and how many others depend on it, of those that the caller may see."""

    model_config = ConfigDict(frozen=True)

    entry_id: EntryId
    title: str
    dependents: int


class RelationshipCounts(BaseModel):
    """Relationships whose both ends the caller may see."""

    model_config = ConfigDict(frozen=True)

    by_rel_type: dict[str, int]
    most_depended_on: tuple[DependedOn, ...]


class ChangedEntry(BaseModel):
    """An entry and its last change."""

    model_config = ConfigDict(frozen=True)

    entry_id: EntryId
    title: str
    category: str
    version: int
    updated_at: datetime
    updated_by: str


class DailyRegistrations(BaseModel):
    """How many entries were registered on one day, in UTC."""

    model_config = ConfigDict(frozen=True)

    day: date
    entries: int


class RegistrySummary(BaseModel):
    """The registry in numbers, counted over what the caller may see.

    Attributes
    ----------
    embedded
        Entries whose vector stands for their present text.
    embedded_share
        Their share of all entries, 0 to 1; 1 for an empty registry, which lacks no vector.
    relationships
        Those whose both ends the caller may see.
    registrations
        One item a day for the last 30 days, the latest last.
    """

    model_config = ConfigDict(frozen=True)

    entries: int
    by_category: dict[str, int]
    by_status: dict[str, int]
    by_compliance_status: dict[str, int]
    top_owners: tuple[CountedValue, ...]
    top_tags: tuple[CountedValue, ...]
    embedded: int
    embedded_share: float
    relationships: int
    by_rel_type: dict[str, int]
    most_depended_on: tuple[DependedOn, ...]
    recently_changed: tuple[ChangedEntry, ...]
    registrations: tuple[DailyRegistrations, ...]
