import asyncio
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing

import pytest

from hyper_registry.catalog.prefetch import batches, prefetched, side_by_side
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


class _Uses:
    """Uses of numbers that end when told to."""

    def __init__(self, expected: int = 6) -> None:
        self.begun: list[int] = []
        self.cancelled: list[int] = []
        self.gates = [asyncio.Event() for _ in range(6)]
        self.all_begun = asyncio.Event()
        self._expected = expected

    async def __call__(self, number: int) -> str:
        self.begun.append(number)
        if len(self.begun) == self._expected:
            self.all_begun.set()
        try:
            await self.gates[number].wait()
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise
        if number == 5:
            raise LookupError
        return str(number)


async def _numbers(*numbers: int, broken: bool = False) -> AsyncGenerator[int]:
    for number in numbers:
        yield number
    if broken:
        raise SourceUnavailableError("source", "is gone", "Mend it.")


async def test_uses_overlap_up_to_the_most_and_answer_in_the_order_of_their_steps() -> None:
    uses = _Uses(2)
    async with aclosing(side_by_side(_numbers(0, 1, 2, 3), uses, 2)) as answers:
        uses.gates[1].set()
        first = asyncio.ensure_future(anext(answers))
        await uses.all_begun.wait()
        assert not first.done()
        uses.gates[0].set()
        assert await first == "0"
        assert uses.begun == [0, 1]
        for gate in uses.gates:
            gate.set()
        assert [answer async for answer in answers] == ["1", "2", "3"]
    assert uses.begun == [0, 1, 2, 3]


async def test_uses_of_the_steps_before_a_broken_one_come_to_their_end() -> None:
    uses = _Uses()
    for gate in uses.gates:
        gate.set()
    answered: list[str] = []

    async def consume() -> None:
        async with aclosing(side_by_side(_numbers(0, 1, 2, broken=True), uses, 2)) as answers:
            async for answer in answers:
                answered.append(answer)  # noqa: PERF401 (what came before the error is kept)

    with pytest.raises(SourceUnavailableError, match="is gone"):
        await consume()
    assert answered == ["0", "1", "2"]
    assert uses.cancelled == []


async def test_a_use_that_fails_cancels_the_one_beside_it() -> None:
    uses = _Uses()
    uses.gates[5].set()
    with pytest.raises(LookupError):
        async with aclosing(side_by_side(_numbers(5, 1, 2), uses, 2)) as answers:
            await anext(answers)
    assert (uses.begun, uses.cancelled) == ([5, 1], [1])


async def test_a_consumer_that_stops_cancels_what_is_under_way() -> None:
    uses = _Uses(3)
    uses.gates[0].set()
    async with aclosing(side_by_side(_numbers(0, 1, 2), uses, 3)) as answers:
        waiting = asyncio.ensure_future(anext(answers))
        await uses.all_begun.wait()
        assert await waiting == "0"
    assert (uses.begun, uses.cancelled) == ([0, 1, 2], [1, 2])
