"""Cursors: where a page ended, as text that callers pass back and do not read."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import date, datetime
from typing import TypeVar

from hyper_registry.domain.entry_version import DeletedEntry
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.text import storable_text

T = TypeVar("T", date, datetime)


def deletion_cursor(last: DeletedEntry) -> str:
    """Return the cursor after a deleted entry."""
    return urlsafe_b64encode(f"{last.deleted_at.isoformat()} {last.entry_id}".encode()).decode()


def read_deletion_cursor(cursor: str) -> tuple[datetime, str]:
    """Return the time of deletion and the id that a cursor stands for.

    Raises
    ------
    InvalidFieldError
        If no page gave this cursor.
    """
    try:
        moment, _, entry_id = urlsafe_b64decode(cursor).decode().partition(" ")
        deleted_at = datetime.fromisoformat(moment)
        if deleted_at.tzinfo is None:
            raise ValueError(moment)
        return deleted_at, storable_text(entry_id)
    except ValueError as error:
        raise InvalidFieldError(
            "after", f"{cursor!r} is no cursor", "Send the next_after of the page before."
        ) from error


def assessment_cursor(moment: date, entry_id: str, framework: str, control: str) -> str:
    """Return the cursor after an assessment in a list by times or days."""
    told = f"{moment.isoformat()} {entry_id} {framework} {control}"
    return urlsafe_b64encode(told.encode()).decode()


def read_assessment_cursor(kind: type[T], cursor: str | None) -> tuple[T, str, str, str] | None:
    """Return the time or day, the entry, the framework and the control of a cursor.

    Raises
    ------
    InvalidFieldError
        If no page of this kind gave this cursor.
    """
    if cursor is None:
        return None
    try:
        told, entry_id, framework, control = urlsafe_b64decode(cursor).decode().split(" ")
        moment = kind.fromisoformat(told)
        if isinstance(moment, datetime) and moment.tzinfo is None:
            raise ValueError(told)
        storable_text(entry_id + framework + control)
    except ValueError as error:
        raise InvalidFieldError(
            "after", f"{cursor!r} is no cursor", "Send the next_after of the page before."
        ) from error
    return moment, entry_id, framework, control
