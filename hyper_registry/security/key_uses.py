"""When keys were used, gathered in memory and recorded together: no request waits for a write."""

import asyncio
import logging
from datetime import UTC, datetime
from typing import NoReturn

from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.identifiers import KeyId
from hyper_registry.storage.database import Database
from hyper_registry.storage.key_store import KeyStore

_logger = logging.getLogger(__name__)


class KeyUses:
    """The last use of each key in this process since the last flush."""

    def __init__(self, database: Database, keys: KeyStore) -> None:
        self._database = database
        self._keys = keys
        self._gathered: dict[KeyId, datetime] = {}

    def record(self, key_id: KeyId) -> None:
        """Note that a key was used just now; only keys that were verified come here."""
        self._gathered[key_id] = datetime.now(UTC)

    async def flush(self) -> None:
        """Write what was gathered; what cannot be written is logged and kept for the next time."""
        waiting, self._gathered = self._gathered, {}
        if not waiting:
            return
        written = False
        try:
            async with self._database.connection() as connection:
                await self._keys.add_uses(connection, waiting)
            written = True
        except RegistryError as error:
            _logger.warning("The use of keys could not be recorded; trying again: %s", error)
        finally:
            if not written:
                self._gathered = waiting | self._gathered

    async def keep_flushed(self, *, interval_s: float = 1.0) -> NoReturn:
        """Flush again and again, until cancelled."""
        while True:
            await asyncio.sleep(interval_s)
            await self.flush()
