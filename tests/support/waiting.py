"""Waiting for what happens by itself."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest


async def until(holds: Callable[[], Awaitable[bool]], *, limit_s: float = 20) -> None:
    """Wait until `holds`; the test fails if it never does."""
    try:
        async with asyncio.timeout(limit_s):
            while not await holds():  # noqa: ASYNC110 (what is awaited gives no signal)
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"it did not come about within {limit_s:g} s")
