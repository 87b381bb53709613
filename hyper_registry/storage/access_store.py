"""When entries were read, and how often."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hyper_registry.domain.identifiers import EntryKey
from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("access")


@dataclass(slots=True)
class Accesses:
    """The reads of one entry: the time of the last one, and their number."""

    last_at: datetime
    count: int


class AccessStore:
    """Accesses in Postgres; takes a connection and never commits."""

    async def add(self, connection: Connection, accesses: Mapping[EntryKey, Accesses]) -> None:
        """Add `accesses` to what is recorded; keys that no entry has are passed over."""
        await connection.execute(
            _SQL["add_accesses"],
            list(accesses),
            [read.last_at for read in accesses.values()],
            [read.count for read in accesses.values()],
        )
