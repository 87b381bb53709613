"""What a run's latencies amount to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.api.operations import Promise


@dataclass(frozen=True, slots=True)
class Run:
    """What a client saw of one run of requests.

    Parameters
    ----------
    latencies_s
        Of the good answers, in seconds.
    errors
        Requests without a good answer.
    elapsed_s
        From the first request to the last answer.
    cpu_s
        CPU time of the client.
    first_error
        Status and beginning of the first bad answer.
    """

    latencies_s: Sequence[float]
    errors: int
    elapsed_s: float
    cpu_s: float
    first_error: str | None = None

    @property
    def requests_per_s(self) -> float:
        """Good answers a second."""
        return len(self.latencies_s) / self.elapsed_s


@dataclass(frozen=True, slots=True)
class OperationResult:
    """The figures of one operation.

    Parameters
    ----------
    mean_ms, p50_ms, p99_ms, max_ms
        Latency of single requests one after the other.
    errors, requests
        Failed and all requests, of both concurrencies.
    rps_c16
        Good answers a second at concurrency 16.
    """

    mean_ms: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    errors: int
    requests: int
    rps_c16: float

    def missed(self, promise: Promise) -> list[str]:
        """Name the figures that are above what is promised."""
        figures = {
            "mean": self.mean_ms > promise.mean_ms,
            "max": self.max_ms > promise.worst_ms,
            "errors": self.errors > promise.error_share * self.requests,
        }
        return [name for name, is_missed in figures.items() if is_missed]


def summarise(single: Run, parallel: Run) -> OperationResult:
    """Sum up an operation's runs at concurrency 1 and 16.

    Raises
    ------
    ValueError
        If no request of `single` succeeded.
    """
    if not single.latencies_s:
        msg = f"no request succeeded, the first answer was: {single.first_error}"
        raise ValueError(msg)
    ordered = sorted(latency * 1_000 for latency in single.latencies_s)
    answered = len(single.latencies_s) + len(parallel.latencies_s)
    errors = single.errors + parallel.errors
    return OperationResult(
        mean_ms=math.fsum(ordered) / len(ordered),
        p50_ms=percentile(ordered, 50),
        p99_ms=percentile(ordered, 99),
        max_ms=ordered[-1],
        errors=errors,
        requests=answered + errors,
        rps_c16=parallel.requests_per_s,
    )


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Give the smallest of the ascending values that at least `percent` of them do not exceed.

    Raises
    ------
    ValueError
        If there is no value, or `percent` is not above 0 and at most 100.

    Examples
    --------
    >>> percentile([1.0, 2.0, 3.0, 4.0], 50)
    2.0
    >>> percentile([1.0, 2.0, 3.0, 4.0], 99)
    4.0
    """
    if not ordered or not 0 < percent <= 100:
        msg = f"no percentile {percent} of {len(ordered)} values"
        raise ValueError(msg)
    return ordered[math.ceil(len(ordered) * percent / 100) - 1]
