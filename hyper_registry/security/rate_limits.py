"""How many requests a caller may make in a time, counted for all processes together.

A process takes a part of the caller's share from Postgres at a time and counts it down in memory,
so that one request in many pays a round trip and the others none.
"""

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.errors.request import RateLimitedError
from hyper_registry.domain.rate_class import RateClass
from hyper_registry.storage.database import Database
from hyper_registry.storage.rate_limit_store import Grant, RateLimitStore

_logger = logging.getLogger(__name__)

PERIOD_S = 60.0
# A process holds this part of a share at most, so that what it does not use is soon missed by none.
_PARTS = 100
_MOST_HELD = 100_000


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of a caller's share.

    Attributes
    ----------
    reset_s
        Seconds until the share is full again.
    """

    limit: int
    remaining: int
    reset_s: float


@dataclass(slots=True)
class _Held:
    """What this process holds of one share."""

    remaining: int = 0
    shared: int = 0
    valid_until: float = 0
    full_at: float = 0
    refused_until: float = 0
    taking: asyncio.Lock = field(default_factory=asyncio.Lock)


class RateLimits:
    """Counts requests by caller and class.

    Parameters
    ----------
    limits
        Requests in a minute by class; a class that is missing has no limit.
    clock
        Seconds since any fixed time.
    """

    def __init__(
        self,
        database: Database,
        store: RateLimitStore,
        limits: Mapping[RateClass, int],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._store = store
        self._limits = limits
        self._clock = clock
        self._held: OrderedDict[tuple[str, RateClass], _Held] = OrderedDict()

    async def admit(self, credential: str, kind: RateClass) -> Standing | None:
        """Count one request; None where there is no limit.

        Raises
        ------
        RateLimitedError
            If the caller's share is used up.
        """
        limit = self._limits.get(kind)
        if limit is None:
            return None
        held = self._share(credential, kind)
        now = self._clock()
        if held.remaining <= 0 or held.valid_until <= now:
            if held.refused_until <= now:
                await self._take(held, credential, kind, limit)
                now = self._clock()
            if held.remaining <= 0:
                raise RateLimitedError(kind.value, limit, held.refused_until - now)
        held.remaining -= 1
        return Standing(limit, held.shared + held.remaining, max(0.0, held.full_at - now))

    async def keep_clean(self, *, interval_s: float = 600.0) -> NoReturn:
        """Delete shares that nobody uses again and again, until cancelled."""
        while True:
            async with self._database.connection() as connection:
                await self._store.delete_full(connection)
            await asyncio.sleep(interval_s)

    def _share(self, credential: str, kind: RateClass) -> _Held:
        key = (credential, kind)
        held = self._held.get(key)
        if held is None:
            held = self._held[key] = _Held()
            if len(self._held) > _MOST_HELD:
                self._held.popitem(last=False)
        else:
            self._held.move_to_end(key)
        return held

    async def _take(self, held: _Held, credential: str, kind: RateClass, limit: int) -> None:
        async with held.taking:
            now = self._clock()
            # Who waited finds what the first one took, or that there is nothing.
            if (held.remaining > 0 and held.valid_until > now) or held.refused_until > now:
                return
            asked = max(1, limit // _PARTS)
            subject = hashlib.sha256(f"{kind}|{limit}|{credential}".encode()).digest()
            try:
                async with self._database.connection() as connection:
                    grant = await self._store.take(connection, subject, asked, limit, PERIOD_S)
            except RegistryError as error:
                # Without Postgres the request itself says so; a limit is no reason to fail.
                _logger.warning("Requests are not counted for now: %s", error)
                grant = Grant(asked, 0)
            now = self._clock()
            held.remaining = grant.granted
            held.valid_until = now + PERIOD_S
            held.full_at = now + grant.full_in_s
            held.shared = max(0, int((PERIOD_S - grant.full_in_s) * limit / PERIOD_S))
            if grant.granted == 0:
                one_s = PERIOD_S / limit
                held.refused_until = now + max(one_s, grant.full_in_s - PERIOD_S + one_s)


class FailedAttempts:
    """Requests without a valid key, counted by address in this process.

    Who exceeds the limit is not looked up any more until its share has begun to fill again; keys
    that this process has verified lately are not concerned.

    Parameters
    ----------
    limit
        Failed attempts in a minute and address.
    """

    def __init__(self, limit: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._interval_s = PERIOD_S / limit
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def require_allowed(self, address: str) -> None:
        """Refuse an address that has failed too often.

        Raises
        ------
        RateLimitedError
            If its share is used up.
        """
        over_s = self._full_at.get(address, 0.0) - self._clock() - PERIOD_S
        if over_s + self._interval_s > 1e-9:
            raise RateLimitedError("failed attempts", self._limit, over_s + self._interval_s)

    def record(self, address: str) -> None:
        """Count a failed attempt."""
        full_at = max(self._full_at.pop(address, 0.0), self._clock())
        self._full_at[address] = full_at + self._interval_s
        if len(self._full_at) > _MOST_HELD:
            self._full_at.popitem(last=False)
