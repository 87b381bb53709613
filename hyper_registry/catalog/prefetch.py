"""Slow synchronous iteration, moved off the event loop and kept one step ahead of it."""

import asyncio
from collections.abc import AsyncGenerator, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


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
