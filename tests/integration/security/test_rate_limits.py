"""Limits of requests that several processes share."""

import asyncio

import pytest

from hyper_registry.domain.errors.request import RateLimitedError
from hyper_registry.domain.rate_class import RateClass
from hyper_registry.security.rate_limits import FailedAttempts, RateLimits, Standing
from hyper_registry.storage.database import Database
from hyper_registry.storage.rate_limit_store import RateLimitStore


class CountingStore(RateLimitStore):
    taken = 0

    async def take(self, connection, subject, asked, limit, period_s):
        self.taken += 1
        return await super().take(connection, subject, asked, limit, period_s)


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def _limits(database: Database, limit: int) -> tuple[RateLimits, CountingStore]:
    store = CountingStore()
    return RateLimits(database, store, {RateClass.READ: limit}), store


async def _admitted(limits: RateLimits, tries: int, caller: str = "key:a") -> int:
    admitted = 0
    for _ in range(tries):
        try:
            await limits.admit(caller, RateClass.READ)
            admitted += 1
        except RateLimitedError:
            pass
    return admitted


async def test_two_processes_share_one_limit(database: Database):
    here, there = _limits(database, 4)[0], _limits(database, 4)[0]
    # A minute's share of 4 refills in 15 s a piece: none within this test.
    assert await _admitted(here, 3) == 3
    assert await _admitted(there, 5) == 1
    assert await _admitted(here, 1) == 0
    assert await _admitted(here, 1, "key:b") == 1
    assert await here.admit("key:a", RateClass.WRITE) is None
    with pytest.raises(RateLimitedError) as caught:
        await here.admit("key:a", RateClass.READ)
    assert 0 < (caught.value.retry_after_s or 0) <= 15


async def test_most_requests_and_all_refusals_ask_nobody(database: Database):
    limits, store = _limits(database, 1_000)
    standing = await limits.admit("key:a", RateClass.READ)
    assert isinstance(standing, Standing)
    assert (standing.limit, standing.remaining) == (1_000, 999)
    await _admitted(limits, 9)
    assert store.taken == 1
    few, store = _limits(database, 1)
    assert await _admitted(few, 50, "key:c") == 1
    assert store.taken == 2


async def test_many_at_a_time_get_no_more_than_the_limit(database: Database):
    limits, _ = _limits(database, 5)
    outcomes = await asyncio.gather(
        *(limits.admit("key:a", RateClass.READ) for _ in range(20)), return_exceptions=True
    )
    assert sum(isinstance(outcome, Standing) for outcome in outcomes) == 5


async def test_a_share_fills_again(database: Database):
    clock = Clock()
    limits = RateLimits(database, RateLimitStore(), {RateClass.READ: 2}, clock=clock)
    assert await _admitted(limits, 3) == 2
    async with database.connection() as connection:
        await connection.execute("update rate_limit set full_at = full_at - interval '30 s'")
    assert await _admitted(limits, 1) == 0
    clock.now += 30
    assert await _admitted(limits, 2) == 1


async def test_without_postgres_nobody_is_refused(database: Database):
    limits, _ = _limits(database, 1)
    await database.close()
    assert await _admitted(limits, 3) == 3
    await database.open()


def test_an_address_that_fails_too_often_is_refused_for_a_while():
    clock = Clock()
    attempts = FailedAttempts(3, clock=clock)
    for _ in range(3):
        attempts.require_allowed("10.0.0.1")
        attempts.record("10.0.0.1")
    with pytest.raises(RateLimitedError) as caught:
        attempts.require_allowed("10.0.0.1")
    assert caught.value.retry_after_s == pytest.approx(20)
    attempts.require_allowed("10.0.0.2")
    clock.now += 20
    attempts.require_allowed("10.0.0.1")
