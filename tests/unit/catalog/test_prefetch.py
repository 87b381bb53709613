import threading
from collections.abc import Generator
from contextlib import aclosing

import pytest

from hyper_registry.catalog.prefetch import batches, prefetched
from hyper_registry.domain.errors.input import SourceUnavailableError


def test_batches_hold_every_item_once_in_order() -> None:
    for size in (1, 3, 10, 11):
        found = list(batches(range(10), size))
        assert [item for batch in found for item in batch] == list(range(10))
        assert {len(batch) for batch in found[:-1]} <= {size}
    assert list(batches([], 3)) == []


async def test_every_step_runs_in_one_thread_that_is_not_the_loop() -> None:
    threads: list[int] = []

    def steps() -> Generator[int]:
        for number in range(4):
            threads.append(threading.get_ident())
            yield number

    async with aclosing(prefetched(steps())) as ahead:
        assert [number async for number in ahead] == [0, 1, 2, 3]
    assert len(set(threads)) == 1
    assert threading.get_ident() not in threads


async def test_an_error_comes_after_the_steps_before_it() -> None:
    def steps() -> Generator[int]:
        yield 1
        raise SourceUnavailableError("source", "is gone", "Mend it.")

    async with aclosing(prefetched(steps())) as ahead:
        assert await anext(ahead) == 1
        with pytest.raises(SourceUnavailableError, match="is gone"):
            await anext(ahead)


async def test_a_consumer_that_stops_closes_the_steps() -> None:
    closed = threading.Event()
    started: list[int] = []

    def steps() -> Generator[int]:
        try:
            for number in range(100):
                started.append(number)
                yield number
        finally:
            closed.set()

    async with aclosing(prefetched(steps())) as ahead:
        async for number in ahead:
            if number == 2:
                break
    assert closed.wait(timeout=30)
    assert started in ([0, 1, 2], [0, 1, 2, 3])
