"""Removal of deleted entries for good."""

from collections.abc import Sequence
from datetime import datetime

from hyper_registry.domain.identifiers import EntryId, EntryKey
from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("retention")


class RetentionStore:
    """Entries whose time is over, in Postgres; takes a connection and never commits."""

    async def count_expired(self, connection: Connection, before: datetime) -> int:
        """Count the entries that were deleted before a time."""
        count: int = await connection.fetchval(_SQL["count_expired"], before)
        return count

    async def lock_expired(
        self, connection: Connection, before: datetime, limit: int
    ) -> list[EntryKey]:
        """Hold up to `limit` entries that were deleted before a time, the earliest first.

        Those that another transaction holds are passed over.
        """
        rows = await connection.fetch(_SQL["lock_expired"], before, limit)
        return [EntryKey(row["entry_key"]) for row in rows]

    async def purge(
        self, connection: Connection, keys: Sequence[EntryKey], actor: str
    ) -> dict[EntryId, int]:
        """Remove held entries with all that hangs on them, and return their last versions.

        Their change rows stay and end with one of the operation ``purge``.
        """
        held = list(keys)
        await connection.execute(_SQL["purge_relationships"], held, actor)
        await connection.execute(_SQL["purge_relationship_history"], held)
        await connection.execute(_SQL["purge_merged_relationships"], held)
        rows = await connection.fetch(_SQL["purge_entries"], held, actor)
        return {EntryId(row["entry_id"]): row["version"] for row in rows}
