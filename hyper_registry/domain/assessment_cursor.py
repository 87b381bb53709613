"""Cursors: where a list of assessments by times or days ended, as text."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import date, datetime
from typing import TypeVar

from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.text import storable_text

T = TypeVar("T", date, datetime)


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

    Examples
    --------
    >>> cursor = assessment_cursor(date(2030, 1, 2), "a", "soc2", "CC6.1")
    >>> read_assessment_cursor(date, cursor)
    (datetime.date(2030, 1, 2), 'a', 'soc2', 'CC6.1')
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
