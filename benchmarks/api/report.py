"""What a run prints: the machine, a table that marks missed promises, and one line of JSON."""

from collections.abc import Sequence
from dataclasses import asdict

import orjson
from rich.console import Console
from rich.table import Table

from benchmarks.api.cpu_use import PARTS
from benchmarks.api.measuring import MeasuredOperation, PeerComparison
from benchmarks.machine import Machine

LEAST_UVICORN_RATIO = 0.35
"""Share of the peer's throughput that reading an entry is promised to reach."""


def print_report(
    console: Console,
    machine: Machine,
    measured: Sequence[MeasuredOperation],
    peer: PeerComparison,
) -> None:
    """Print all for people, and the JSON document as the last line."""
    console.print(
        f"{machine.cores} cores of {machine.cpu_model}, {machine.memory_gib} GiB, "
        f"{machine.system}, Python {machine.python}, load before {machine.load_before}"
    )
    console.print(", ".join(f"{name} {number}" for name, number in machine.versions.items()))
    console.print(_latencies(measured))
    console.print(_cpu_times(measured))
    verdict = "kept" if peer.ratio >= LEAST_UVICORN_RATIO else "MISSED"
    console.print(
        f"get through Serve / bare uvicorn: {peer.requests_per_s:.0f} / "
        f"{peer.peer_requests_per_s:.0f} req/s = {peer.ratio:.2f}, promised ≥ "
        f"{LEAST_UVICORN_RATIO}, {verdict}; uvicorn takes {peer.peer_cpu_ms:.2f} CPU ms a request"
    )
    console.out(as_json(machine, measured, peer.ratio), highlight=False)


def as_json(machine: Machine, measured: Sequence[MeasuredOperation], uvicorn_ratio: float) -> str:
    """Give the results as one line of JSON, with three decimals."""
    document = {
        "operations": {
            item.operation.name: {
                "mean_ms": round(item.result.mean_ms, 3),
                "p50_ms": round(item.result.p50_ms, 3),
                "p99_ms": round(item.result.p99_ms, 3),
                "max_ms": round(item.result.max_ms, 3),
                "errors": item.result.errors,
                "rps_c16": round(item.result.rps_c16, 3),
            }
            for item in measured
        },
        "uvicorn_ratio": round(uvicorn_ratio, 3),
        "machine": asdict(machine),
    }
    return orjson.dumps(document).decode()


def _latencies(measured: Sequence[MeasuredOperation]) -> Table:
    figures = ("mean ms", "promised", "p50", "p99", "max", "promised", "errors", "req/s at 16")
    table = Table("operation", *figures, "", title="Latency of single requests, and throughput")
    for item in measured:
        result, promise = item.result, item.operation.promise
        missed = result.missed(promise)
        table.add_row(
            item.operation.name,
            *(f"{result.mean_ms:.1f}", f"≤ {promise.mean_ms:g}"),
            *(f"{result.p50_ms:.1f}", f"{result.p99_ms:.1f}"),
            *(f"{result.max_ms:.1f}", f"≤ {promise.worst_ms:g}"),
            f"{result.errors} of {result.requests}",
            f"{result.rps_c16:.0f}",
            f"MISSED {', '.join(missed)}" if missed else "kept",
        )
    return table


def _cpu_times(measured: Sequence[MeasuredOperation]) -> Table:
    table = Table("operation", *PARTS, title="CPU ms a request at 16, background work included")
    for item in measured:
        table.add_row(item.operation.name, *(f"{item.cpu_ms[part]:.2f}" for part in PARTS))
    return table
