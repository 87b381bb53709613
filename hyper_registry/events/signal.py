"""Waking those who wait for changes, once in a process however many they are."""

import asyncio
import logging
from typing import NoReturn

from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.storage.change_feed_store import CHANGES, ChangeFeedStore
from hyper_registry.storage.database import Database
from hyper_registry.storage.notifications import Subscription

_logger = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.02


class ChangeSignal:
    """Tells when changes have become readable.

    A notification says that something was committed, not yet that it can be read: transactions
    that began earlier may be running. So it is followed by looks at the horizon, ever further
    apart, until everything that had begun then has ended. Without notifications the horizon is
    looked at every `poll_s`.
    """

    def __init__(self, database: Database, store: ChangeFeedStore, *, poll_s: float = 1.0) -> None:
        self._database = database
        self._store = store
        self._poll_s = poll_s
        self._notified = asyncio.Event()
        self._readable = asyncio.Event()

    @property
    def subscription(self) -> Subscription:
        """What a listener must call."""
        return Subscription(
            CHANGES,
            on_notification=lambda _payload: self._notified.set(),
            on_listening=self._notified.set,
        )

    @property
    def readable(self) -> asyncio.Event:
        """What is set when further changes become readable; take it before reading."""
        return self._readable

    async def wait(self, readable: asyncio.Event, limit_s: float) -> None:
        """Return when `readable` is set, or after the limit or `poll_s`."""
        try:
            async with asyncio.timeout(min(limit_s, self._poll_s)):
                await readable.wait()
        except TimeoutError:
            return

    async def keep_watching(self) -> NoReturn:
        """Look for readable changes and wake those who wait, until cancelled."""
        horizon = 0
        while True:
            self._notified.clear()
            try:
                horizon = await self._settle(horizon)
            except RegistryError as error:
                _logger.warning("Cannot look for changes; trying again: %s", error)
            try:
                async with asyncio.timeout(self._poll_s):
                    await self._notified.wait()
            except TimeoutError:
                continue

    async def _settle(self, horizon: int) -> int:
        """Look until all that had begun at the first look has ended, or for `poll_s`."""
        pause_s = _FIRST_PAUSE_S
        begun: int | None = None
        while True:
            async with self._database.connection() as connection:
                seen = await self._store.fetch_snapshot(connection, horizon)
            if seen.changed:
                readable, self._readable = self._readable, asyncio.Event()
                readable.set()
            horizon = max(horizon, seen.horizon)
            begun = seen.unborn if begun is None else begun
            if seen.horizon >= begun or pause_s > self._poll_s or self._notified.is_set():
                return horizon
            await asyncio.sleep(pause_s)
            pause_s *= 2
