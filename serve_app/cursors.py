"""Cursors: where a page ended, as text that callers pass back and do not read."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime

from hyper_registry.domain.entry_version import DeletedEntry
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.text import storable_text


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
