"""Planning of a purge: up to which deletion it goes, and in how many batches."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class PurgePlan:
    """What a purge is to remove.

    Attributes
    ----------
    before
        Entries deleted before this time are removed; a further attempt keeps it.
    rows
        Such entries when it was planned.
    batches
        Transactions that they take.
    """

    before: datetime
    rows: int
    batches: int


def purge_before(now: datetime, deleted_days: int) -> datetime:
    """Return the time before which a deletion must lie for its entry to be removed.

    >>> purge_before(datetime(2026, 3, 1), 30).date()
    datetime.date(2026, 1, 30)
    """
    return now - timedelta(days=deleted_days)


def plan_purge(before: datetime, rows: int, batch_rows: int) -> PurgePlan:
    """Return the plan to remove `rows` entries, at most `batch_rows` in a transaction.

    >>> plan_purge(datetime(2026, 1, 1), 1_001, 500).batches
    3
    """
    return PurgePlan(before, rows, -(-rows // batch_rows))
