"""Changes of entries, relationships and assessments, as those who follow the registry see them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class ChangeSubject(StrEnum):
    """What a change is of."""

    ENTRY = "entry"
    RELATIONSHIP = "relationship"
    ASSESSMENT = "assessment"


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """How far somebody has read the change log.

    Changes become readable in *windows*: those of transactions from one horizon up to a later one
    (docs/adr/0001). Inside a window they are read in the order of their numbers, in which the
    changes of one entry always stand; of two windows the earlier one is read first. Any transaction
    that wrote an entry after another one did is in the same window or a later one, so the changes
    of an entry never come out of order, and none is skipped.

    Attributes
    ----------
    low, high
        The window: transactions from `low` on and below `high`.
    change_no, last_no
        The last change examined of the window, and its last one; when they are equal, the next
        window begins at `high`.
    """

    low: int = 0
    high: int = 0
    change_no: int = 0
    last_no: int = 0

    @property
    def is_exhausted(self) -> bool:
        """Whether everything in the window was examined."""
        return self.change_no >= self.last_no

    @property
    def is_at_end(self) -> bool:
        """Whether nothing was readable after it when it was reached."""
        return self.last_no == 0


class ChangeFilter(BaseModel):
    """Which changes are wanted; None is every one.

    Attributes
    ----------
    categories
        Of the entry as it is now, which is assessed perhaps, or of an end of the relationship.
    entry_id
        The entry itself, its assessments and the relationships at it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    subjects: frozenset[ChangeSubject] | None = None
    operations: frozenset[str] | None = None
    categories: frozenset[str] | None = None
    entry_id: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One change as it is stored, with what its subject is now."""

    change_no: int
    subject: ChangeSubject
    subject_id: str
    operation: str
    version: int
    actor: str
    occurred_at: datetime
    category: str | None
    source_id: str | None
    target_id: str | None
    rel_type: str | None


class ChangeEvent(BaseModel):
    """One change as it is told.

    Attributes
    ----------
    event_id
        Stable: whoever receives a change twice knows it by this.
    cursor
        Goes on after this change; None where it is not read from the feed.
    subject_id
        Id of the entry or the relationship; of an assessment ENTRY_ID/FRAMEWORK/CONTROL.
    category
        Of the entry, as it is now; None for relationships and purged entries.
    """

    model_config = ConfigDict(frozen=True)

    event_id: str
    cursor: str | None = None
    subject: ChangeSubject
    subject_id: str
    operation: str
    version: int
    actor: str
    occurred_at: datetime
    category: str | None = None
    source_id: str | None = None
    target_id: str | None = None
    rel_type: str | None = None


class ChangePage(BaseModel):
    """Some changes, oldest first.

    Attributes
    ----------
    next_cursor
        Goes on after them, also where there are none.
    """

    items: list[ChangeEvent]
    next_cursor: str
