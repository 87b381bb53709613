"""Measure the HTTP API on this machine: ``python -m benchmarks.api``.

Starts a registry of its own, fills it, measures every operation over HTTP, compares reading an
entry with bare uvicorn, and ends all that it started, also when it is interrupted. A missed
promise is marked and is no failure.
"""

import argparse
import asyncio
import os
import signal
import sys
import time
from types import FrameType

from rich.console import Console

from benchmarks.api.catalogue import entry_id_at
from benchmarks.api.client import client_process
from benchmarks.api.cpu_use import SystemProcesses
from benchmarks.api.deployment import (
    DATABASE_VARIABLE,
    build_index,
    instance_home,
    postgres_home,
    serving,
    start_postgres,
)
from benchmarks.api.filling import Size, fill, wait_until_embedded
from benchmarks.api.measuring import Effort, MeasuredOperation, Measurement, PeerComparison
from benchmarks.api.operations import OPERATIONS, PREFIX
from benchmarks.api.peer import peer_process
from benchmarks.api.report import print_report
from benchmarks.machine import describe_machine
from hyper_registry.client.trial import temporary_home

SETTLE_TIMEOUT_S = 20.0
"""Time for the registry to embed what one write operation left before the next is measured."""


LOG_WIDTH = 140
"""Columns of the tables where the output is no terminal."""


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.api", description=__doc__)
    parser.add_argument("--entries", type=int, default=Size().entries)
    parser.add_argument("--relationships", type=int, default=Size().relationships)
    parser.add_argument("--replicas", type=int, default=1, help="API replicas")
    arguments = parser.parse_args()
    size = Size(arguments.entries, arguments.relationships)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    console = Console(width=None if sys.stdout.isatty() else LOG_WIDTH)
    machine = describe_machine()
    try:
        measured, comparison = _run(size, arguments.replicas, _Steps(Console(stderr=True)))
    except KeyboardInterrupt:
        sys.exit("interrupted; everything that was started has ended")
    print_report(console, machine, measured, comparison)


def _run(
    size: Size, replicas: int, on_step: "_Steps"
) -> tuple[list[MeasuredOperation], PeerComparison]:
    with temporary_home() as home:
        on_step("start Postgres")
        dsn = start_postgres(home)
        token = asyncio.run(fill(home, dsn, size, on_step))
        on_step("build the index")
        build_index(home, dsn)
        on_step("start Ray Serve")
        processes = SystemProcesses(postgres_home(home), instance_home(home))
        environment = os.environ | {DATABASE_VARIABLE: dsn}
        with (
            serving(home, dsn, replicas) as url,
            peer_process(environment, f"{PREFIX}/entries/{entry_id_at(0)}") as peer,
            client_process() as client,
        ):
            measurement = Measurement(client, processes, token, size.entries, Effort())
            on_step("compare with bare uvicorn")
            comparison = measurement.compare(url, peer)
            measured: list[MeasuredOperation] = []
            for operation in OPERATIONS:
                on_step(f"measure {operation.name}")
                measured.append(measurement.measure(operation, url))
                if operation.writes:
                    asyncio.run(wait_until_embedded(dsn, SETTLE_TIMEOUT_S))
        on_step("end everything")
    return measured, comparison


class _Steps:
    """Prints each step with the time since the start."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()

    def __call__(self, step: str) -> None:
        self._console.print(f"{time.monotonic() - self._began:6.1f} s  {step}")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # A second one would break off the ending of what was started.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
