"""Measuring a running registry: each operation, and reading an entry in turns with the peer."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from benchmarks.api.client import ClientProcess, Load
from benchmarks.api.cpu_use import SystemProcesses, process_cpu_s, used_between
from benchmarks.api.operations import GET, Operation
from benchmarks.api.peer import Peer
from benchmarks.api.statistics import OperationResult, Run, summarise

PARALLEL = 16
"""Requests under way at a time where throughput is measured."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is sent.

    Parameters
    ----------
    warm_up_requests, single_requests
        Sent one after the other before and while an operation is measured.
    single_s
        Seconds after which fewer of them must do: a slow operation would hold up the others.
    parallel_s
        Seconds of sending `PARALLEL` requests at a time.
    ratio_rounds
        How often product and peer take turns.
    """

    warm_up_requests: int = 30
    single_requests: int = 300
    single_s: float = 40.0
    parallel_s: float = 5.0
    ratio_rounds: int = 3


@dataclass(frozen=True, slots=True)
class MeasuredOperation:
    """An operation's figures and where its CPU time went.

    Parameters
    ----------
    cpu_ms
        CPU milliseconds a request by part of the system while many were under way, background
        work of that time included.
    """

    operation: Operation
    result: OperationResult
    cpu_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class PeerComparison:
    """Reading entries from the registry and from its peer.

    Parameters
    ----------
    requests_per_s, peer_requests_per_s
        At `PARALLEL` requests at a time.
    peer_cpu_ms
        CPU milliseconds of the peer's process for a request.
    """

    requests_per_s: float
    peer_requests_per_s: float
    peer_cpu_ms: float

    @property
    def ratio(self) -> float:
        """Throughput of the registry as a share of the peer's."""
        return self.requests_per_s / self.peer_requests_per_s


@dataclass(frozen=True, slots=True)
class Measurement:
    """Sends loads to the registry and its peer, every one a stream of requests of its own.

    Parameters
    ----------
    client
        Sends.
    processes
        Of the registry.
    token
        API key.
    entries
        Size of the catalogue.
    """

    client: ClientProcess
    processes: SystemProcesses
    token: str
    entries: int
    effort: Effort
    seeds: Iterator[int] = field(default_factory=count)

    def measure(self, operation: Operation, url: str) -> MeasuredOperation:
        """Measure an operation one by one, then `PARALLEL` at a time.

        Raises
        ------
        ValueError
            If no request succeeds.
        """
        self._send(operation, url, requests=self.effort.warm_up_requests)
        single = self._send(
            operation, url, requests=self.effort.single_requests, seconds=self.effort.single_s
        )
        before = self.processes.cpu_seconds()
        parallel = self._send_parallel(operation, url)
        used_s = used_between(before, self.processes.cpu_seconds())
        answered = max(len(parallel.latencies_s), 1)
        return MeasuredOperation(
            operation,
            summarise(single, parallel),
            {part: seconds * 1_000 / answered for part, seconds in used_s.items()},
        )

    def compare(self, url: str, peer: Peer) -> PeerComparison:
        """Compare how many entries a second the registry and its peer give.

        They take turns, so that other work on the machine slows both; the medians count.
        """
        rates: dict[str, list[float]] = {url: [], peer.url: []}
        for server in rates:
            self._send(GET, server, requests=self.effort.warm_up_requests)
        answered, cpu_s = 0, 0.0
        for _ in range(self.effort.ratio_rounds):
            rates[url].append(self._send_parallel(GET, url).requests_per_s)
            before_s = process_cpu_s(peer.pid)
            run = self._send_parallel(GET, peer.url)
            cpu_s += process_cpu_s(peer.pid) - before_s
            answered += len(run.latencies_s)
            rates[peer.url].append(run.requests_per_s)
        return PeerComparison(
            statistics.median(rates[url]),
            statistics.median(rates[peer.url]),
            cpu_s * 1_000 / max(answered, 1),
        )

    def _send_parallel(self, operation: Operation, url: str) -> Run:
        return self._send(operation, url, concurrency=PARALLEL, seconds=self.effort.parallel_s)

    def _send(
        self,
        operation: Operation,
        url: str,
        *,
        concurrency: int = 1,
        requests: int | None = None,
        seconds: float | None = None,
    ) -> Run:
        return self.client.send(
            Load(
                operation=operation.name,
                url=url,
                token=self.token,
                entries=self.entries,
                seed=next(self.seeds),
                concurrency=concurrency,
                requests=requests,
                seconds=seconds,
            )
        )
