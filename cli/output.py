"""What every command shares: its console, and the registry that it opens for one call."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import orjson
import typer
from rich.console import Console

from configs.loader import load_settings
from hyper_registry.factory import Registry, open_registry

T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
console = Console()


def call_registry(work: Callable[[Registry], Awaitable[T]]) -> T:
    """Open the registry, make one call and close it."""

    async def run() -> T:
        async with open_registry(load_settings()) as registry:
            return await work(registry)

    return asyncio.run(run())


def print_json(value: object) -> None:
    """Write one JSON document and nothing else to standard output."""
    sys.stdout.buffer.write(orjson.dumps(value) + b"\n")
    sys.stdout.flush()
