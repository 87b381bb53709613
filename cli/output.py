"""What every command shares: its console, and the registry that it opens for one call."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from configs.loader import load_settings
from hyper_registry.factory import open_registry
from hyper_registry.registry import Registry

T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
console = Console()


def call_registry(work: Callable[[Registry], Awaitable[T]]) -> T:
    """Open the registry, make one call and close it."""

    async def run() -> T:
        async with open_registry(load_settings()) as registry:
            return await work(registry)

    return asyncio.run(run())


def progress_bars(*, quiet: bool = False) -> Progress:
    """Return bars for long work, on standard error and only if that is a terminal."""
    watched = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=watched,
        transient=True,
        disable=quiet or not watched.is_terminal,
    )


def print_json(value: object) -> None:
    """Write one JSON document and nothing else to standard output."""
    sys.stdout.buffer.write(orjson.dumps(value) + b"\n")
    sys.stdout.flush()
