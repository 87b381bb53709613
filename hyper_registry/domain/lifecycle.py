"""The life of an entry: which status may follow which, and what deprecation says."""

from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints

from hyper_registry.domain.entry_status import EntryStatus
from hyper_registry.domain.errors.types import StatusTransitionError
from hyper_registry.domain.identifiers import ENTRY_ID_PATTERN, EntryId
from hyper_registry.domain.text import Line


def _utc_second(value: datetime) -> datetime:
    # One form for equal times: they are compared as text where they are indexed.
    return value.astimezone(UTC).replace(microsecond=0)


Instant = Annotated[AwareDatetime, AfterValidator(_utc_second)]
"""A time with its zone, kept in UTC and in whole seconds."""


class Deprecation(BaseModel):
    """Why and until when a deprecated entry can still be used, and what takes its place."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    since: Instant | None = None
    sunset: Instant | None = None
    successor: Annotated[EntryId, StringConstraints(pattern=ENTRY_ID_PATTERN)] | None = None
    note: Line | None = None


_ALL = tuple(EntryStatus)
_DRAFT, _ACTIVE, _INACTIVE, _DEPRECATED, _ARCHIVED = _ALL


class Lifecycle(BaseModel):
    """The statuses that an entry may begin with, and those that may follow each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    initial: tuple[EntryStatus, ...] = _ALL
    transitions: dict[EntryStatus, tuple[EntryStatus, ...]] = {
        _DRAFT: (_ACTIVE, _INACTIVE, _DEPRECATED, _ARCHIVED),
        _ACTIVE: (_INACTIVE, _DEPRECATED, _ARCHIVED),
        _INACTIVE: (_ACTIVE, _DEPRECATED, _ARCHIVED),
        _DEPRECATED: (_ACTIVE, _INACTIVE, _ARCHIVED),
        _ARCHIVED: (_INACTIVE,),
    }

    def check(self, current: EntryStatus | None, asked: EntryStatus) -> None:
        """Check a step; to stay is always allowed.

        Parameters
        ----------
        current
            None for an entry that begins.

        Raises
        ------
        StatusTransitionError
            If it is not allowed, naming what is.

        Examples
        --------
        >>> Lifecycle().check(EntryStatus.ACTIVE, EntryStatus.DEPRECATED)
        """
        if current is asked:
            return
        allowed = self.initial if current is None else self.transitions.get(current, ())
        if asked not in allowed:
            raise StatusTransitionError(
                "new" if current is None else current.value,
                asked.value,
                tuple(status.value for status in allowed),
            )

    @classmethod
    def standard(cls) -> Self:
        """Return the life that entries lead whose category says nothing else."""
        return cls()


class SunsetEntry(BaseModel):
    """An entry with a sunset, as listings show it."""

    model_config = ConfigDict(frozen=True)

    entry_id: EntryId
    category: str
    title: str
    status: EntryStatus
    owner: str | None
    deprecation: Deprecation
    version: int


def instant_text(value: datetime) -> str:
    """Return a time as entries hold it: texts of this form are in the order of their times.

    Examples
    --------
    >>> instant_text(datetime(2026, 1, 31, 12, tzinfo=UTC))
    '2026-01-31T12:00:00Z'
    """
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
