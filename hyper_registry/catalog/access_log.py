"""Reads of entries, gathered in memory and recorded together: no read waits for a write."""

import asyncio
import logging
from datetime import UTC, datetime
from itertools import islice
from typing import NoReturn

from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.identifiers import EntryKey
from hyper_registry.storage.access_store import Accesses, AccessStore
from hyper_registry.storage.database import Database

_logger = logging.getLogger(__name__)

_FLUSHED_TOGETHER = 5_000


class AccessLog:
    """The reads of this process since the last flush.

    Parameters
    ----------
    capacity
        Entries whose reads are held; while Postgres is away, reads of further ones are lost.
    """

    def __init__(self, database: Database, store: AccessStore, *, capacity: int = 100_000) -> None:
        self._database = database
        self._store = store
        self._capacity = capacity
        self._gathered: dict[EntryKey, Accesses] = {}
        self._lost = 0

    def record(self, key: EntryKey) -> None:
        """Note that an entry was read just now."""
        self._add(key, Accesses(datetime.now(UTC), 1))

    async def flush(self) -> None:
        """Write what was gathered; what cannot be written is logged and kept for the next time."""
        if self._lost:
            _logger.warning("The reads of %d entries were not recorded", self._lost)
            self._lost = 0
        waiting, self._gathered = self._gathered, {}
        try:
            while waiting:
                batch = dict(islice(waiting.items(), _FLUSHED_TOGETHER))
                async with self._database.connection() as connection:
                    await self._store.add(connection, batch)
                for key in batch:
                    del waiting[key]
        except RegistryError as error:
            _logger.warning("Reads could not be recorded; trying again: %s", error)
        finally:
            for key, accesses in waiting.items():
                self._add(key, accesses)

    async def keep_flushed(self, *, interval_s: float = 1.0) -> NoReturn:
        """Flush again and again, until cancelled."""
        while True:
            await asyncio.sleep(interval_s)
            await self.flush()

    def _add(self, key: EntryKey, accesses: Accesses) -> None:
        gathered = self._gathered.get(key)
        if gathered is not None:
            gathered.last_at = max(gathered.last_at, accesses.last_at)
            gathered.count += accesses.count
        elif len(self._gathered) < self._capacity:
            self._gathered[key] = accesses
        else:
            self._lost += 1
