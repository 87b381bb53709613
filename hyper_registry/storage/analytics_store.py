"""Counts over all that a caller may see."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from hyper_registry.domain.analytics import ChangedEntry, CountedValue, DailyRegistrations
from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("analytics")


@dataclass(frozen=True, slots=True)
class EntryCounts:
    """Entries in all, with a valid vector, and by the values of their fields, most first."""

    entries: int
    embedded: int
    by_field: Mapping[str, tuple[CountedValue, ...]]


class AnalyticsStore:
    """Counting queries in Postgres; takes a connection and never commits."""

    async def count_entries(
        self, connection: Connection, grants: list[str] | None, model_id: str, owners: int
    ) -> EntryCounts:
        """Count entries in one pass, by owner for the most frequent `owners` alone."""
        by_field: dict[str, tuple[CountedValue, ...]] = defaultdict(tuple)
        entries = embedded = 0
        for row in await connection.fetch(_SQL["count_entries"], grants, model_id, owners):
            if row["field"] == "all":
                entries, embedded = row["entries"], row["embedded"]
            else:
                counted = CountedValue(value=row["value"], entries=row["entries"])
                by_field[row["field"]] += (counted,)
        return EntryCounts(entries, embedded, by_field)

    async def count_tags(
        self, connection: Connection, grants: list[str] | None, limit: int
    ) -> tuple[CountedValue, ...]:
        """Count the entries of the most frequent tags."""
        rows = await connection.fetch(_SQL["count_tags"], grants, limit)
        return tuple(CountedValue(value=row["tag"], entries=row["entries"]) for row in rows)

    async def fetch_recently_changed(
        self, connection: Connection, grants: list[str] | None, limit: int
    ) -> tuple[ChangedEntry, ...]:
        """Read the entries that changed last, the latest first."""
        rows = await connection.fetch(_SQL["fetch_recently_changed"], grants, limit)
        return tuple(ChangedEntry(**dict(row)) for row in rows)

    async def count_registrations(
        self, connection: Connection, grants: list[str] | None, days: int
    ) -> tuple[DailyRegistrations, ...]:
        """Count registrations on each of the last `days` days in UTC, today last."""
        rows = await connection.fetch(_SQL["count_registrations"], grants, days)
        return tuple(DailyRegistrations(**dict(row)) for row in rows)
