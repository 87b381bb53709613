"""Slow steps: moved off the event loop, kept ahead of their use, and used side by side."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")


def batches(items: Iterable[T], size: int) -> Generator[list[T]]:
    """Yield `items` in lists of `size`, the last one shorter.

    Examples
    --------
    >>> list(batches("abcde", 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


async def prefetched(steps: Generator[T]) -> AsyncGenerator[T]:
    """Yield what `steps` yields; each step runs in a thread while the one before it is consumed.

    Close the returned generator (:func:`contextlib.aclosing`): `steps` is closed then, in its
    thread and after the step under way. Errors of a step are raised where its item would be.
    """
    thread = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
    ahead = thread.submit(next, steps, None)
    try:
        while (item := await asyncio.wrap_future(ahead)) is not None:
            ahead = thread.submit(next, steps, None)
            yield item
    finally:
        thread.submit(steps.close)
        thread.shutdown(wait=False)


async def side_by_side(
    steps: AsyncGenerator[T], use: Callable[[T], Coroutine[Any, Any, R]], most: int
) -> AsyncGenerator[R]:
    """Yield what `use` makes of each step, in their order, with `most` of them under way at once.

    Uses begin in the order of the steps. Where a step fails, those before it come to their end
    first; where a use fails, those after it that have begun are cancelled. Close the returned
    generator (:func:`contextlib.aclosing`).
    """
    under_way: deque[asyncio.Task[R]] = deque()
    failure: Exception | None = None
    try:
        step: T | None
        while True:
            try:
                step = await anext(steps, None)
            except Exception as error:  # noqa: BLE001 (raised again once the uses have ended)
                failure, step = error, None
            if step is None:
                break
            under_way.append(asyncio.create_task(use(step)))
            if len(under_way) == most:
                yield await under_way.popleft()
        while under_way:
            yield await under_way.popleft()
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
    if failure is not None:
        raise failure
