"""Retention: deleted entries are kept for a time, then removed for good."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from hyper_registry.catalog.batch_digest import batch_digest
from hyper_registry.domain.principal import LOCAL_ADMIN, Principal, Role
from hyper_registry.storage.database import Database
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.retention_store import RetentionStore


class RetentionService:
    """Removes what was deleted long ago, on behalf of an administrator."""

    def __init__(
        self, database: Database, retention: RetentionStore, journal: JournalStore
    ) -> None:
        self._database = database
        self._retention = retention
        self._journal = journal

    async def count_expired(self, principal: Principal, before: datetime) -> int:
        """Count the entries that were deleted before a time.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        """
        principal.require(Role.ADMIN, "purge entries")
        async with self._database.connection() as connection:
            return await self._retention.count_expired(connection, before)

    async def purge(self, principal: Principal, before: datetime, limit: int) -> int:
        """Remove up to `limit` entries that were deleted before a time, in one transaction.

        Their versions, relationships and vectors go with them; the change log and the audit log
        say that they were.

        Returns
        -------
        int
            How many were removed. Entries that somebody else holds at this moment are left out,
            so there may be some left when it is 0.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        """
        principal.require(Role.ADMIN, "purge entries")
        async with self._database.transaction() as connection:
            keys = await self._retention.lock_expired(connection, before, limit)
            if not keys:
                return 0
            versions = await self._retention.purge(connection, keys, principal.name)
            await self._journal.append_audit(
                connection,
                actor=principal.name,
                action="entry.purge",
                target=None,
                after_hash=batch_digest((id_, number + 1, b"") for id_, number in versions.items()),
                detail={"purged": len(versions)},
            )
        return len(versions)

    async def keep_purged(self, *, days: int, batch_rows: int, interval_s: float) -> NoReturn:
        """Remove again and again what was deleted more than `days` ago, until cancelled.

        Several processes may do so: each passes over what another one holds.
        """
        while True:
            before = datetime.now(UTC) - timedelta(days=days)
            while await self.purge(LOCAL_ADMIN, before, batch_rows):
                """Until none is left."""
            await asyncio.sleep(interval_s)
