"""The load: a process of its own that sends requests and takes their times.

A process of its own, so that its CPU time is not the server's, and lean, so that a client that is
short of CPU is not measured in place of the server.
"""

import asyncio
import signal
import time
from collections.abc import Generator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from urllib.parse import urlsplit

import uvloop

from benchmarks.api.connection import Answer, Connection
from benchmarks.api.operations import OPERATIONS, Operation, Request
from benchmarks.api.statistics import Run

RUN_TIMEOUT_S = 120.0
"""A run that takes longer hangs."""


@dataclass(frozen=True, slots=True)
class Load:
    """What to send where.

    Parameters
    ----------
    operation
        Name of the operation.
    url
        Base URL of the server.
    token
        API key.
    entries
        Entries of the catalogue.
    seed
        Of the stream of requests.
    concurrency
        Requests under way at a time, each on a connection of its own that is kept alive.
    requests, seconds
        When to end: after so many requests or so much time, whichever comes first.
    """

    operation: str
    url: str
    token: str
    entries: int
    seed: int
    concurrency: int
    requests: int | None = None
    seconds: float | None = None


class ClientProcess:
    """The process that sends loads, one after the other."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def send(self, load: Load) -> Run:
        """Send a load and wait for its end."""
        return self._pool.submit(_send, load).result()


@contextmanager
def client_process() -> Generator[ClientProcess]:
    """Start the client's process; it ends with the block."""
    with ProcessPoolExecutor(1, get_context("spawn"), _leave_interrupts_to_the_parent) as pool:
        yield ClientProcess(pool)


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _send(load: Load) -> Run:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_Sender(load).run())


class _Sender:
    """Sends the requests of one load."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._operation = _operation(load.operation)
        self._requests = self._operation.requests(load.entries, load.seed)
        server = urlsplit(load.url)
        self._host, self._port = server.hostname or "127.0.0.1", server.port or 80
        self._head = f"Host: {server.netloc}\r\nAuthorization: Bearer {load.token}\r\n"
        self._sent = 0
        self._until = 0.0
        self._latencies_s: list[float] = []
        self._errors = 0
        self._first_error: str | None = None

    async def run(self) -> Run:
        loop = asyncio.get_running_loop()
        cpu_before = time.process_time()
        began = time.perf_counter()
        self._until = began + (self._load.seconds or RUN_TIMEOUT_S)
        async with asyncio.timeout(RUN_TIMEOUT_S + 30):
            connections = [
                await loop.create_connection(
                    lambda: Connection(self._next_request, self._take),
                    self._host,
                    self._port,
                )
                for _ in range(self._load.concurrency)
            ]
            await asyncio.gather(*(connection.done for _, connection in connections))
        return Run(
            self._latencies_s,
            self._errors,
            time.perf_counter() - began,
            time.process_time() - cpu_before,
            self._first_error,
        )

    def _next_request(self) -> bytes | None:
        if self._sent == self._load.requests or time.perf_counter() >= self._until:
            return None
        self._sent += 1
        return _encode(next(self._requests), self._head)

    def _take(self, answer: Answer) -> None:
        if answer.status == self._operation.status and self._operation.content in answer.body:
            self._latencies_s.append(answer.latency_s)
            return
        self._errors += 1
        self._first_error = self._first_error or f"{answer.status} {answer.body[:300]!r}"


def _encode(request: Request, head: str) -> bytes:
    lines = f"{request.method} {request.path} HTTP/1.1\r\n{head}"
    if request.body is None:
        return f"{lines}\r\n".encode()
    lines += f"Content-Type: application/json\r\nContent-Length: {len(request.body)}\r\n\r\n"
    return lines.encode() + request.body


def _operation(name: str) -> Operation:
    return next(operation for operation in OPERATIONS if operation.name == name)
