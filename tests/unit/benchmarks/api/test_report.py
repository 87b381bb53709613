import json
from io import StringIO

from rich.console import Console

from benchmarks.api.cpu_use import PARTS
from benchmarks.api.measuring import MeasuredOperation, PeerComparison
from benchmarks.api.operations import OPERATIONS
from benchmarks.api.report import print_report
from benchmarks.api.statistics import OperationResult
from benchmarks.machine import describe_machine

FAST = OperationResult(1.23456, 1.0, 2.0, 3.0, errors=0, requests=300, rps_c16=512.3456)
SLOW = OperationResult(900.0, 800.0, 990.0, 999.0, errors=0, requests=300, rps_c16=2.0)


def _printed(results: dict[str, OperationResult], ratio: float) -> list[str]:
    measured = [
        MeasuredOperation(operation, results.get(operation.name, FAST), dict.fromkeys(PARTS, 0.5))
        for operation in OPERATIONS
    ]
    console = Console(file=StringIO(), width=160)
    print_report(console, describe_machine(), measured, PeerComparison(ratio * 1_000, 1_000, 0.5))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


def test_the_last_line_is_the_whole_result_as_json():
    document = json.loads(_printed({}, 0.41236)[-1])
    assert set(document) == {"operations", "uvicorn_ratio", "machine"}
    assert document["uvicorn_ratio"] == 0.412
    assert list(document["operations"]) == [
        *("get", "relationships", "search", "vector_search"),
        *("relate", "register", "bulk_register_100"),
    ]
    assert document["operations"]["get"] == {
        "mean_ms": 1.235,
        "p50_ms": 1.0,
        "p99_ms": 2.0,
        "max_ms": 3.0,
        "errors": 0,
        "rps_c16": 512.346,
    }
    assert document["machine"]["cores"] >= 1


def test_only_a_missed_promise_is_marked():
    kept = _printed({}, 0.35)
    assert not [line for line in kept if "MISSED" in line]
    missed = _printed({"search": SLOW}, 0.34)
    marked = [line for line in missed if "MISSED" in line]
    assert len(marked) == 2
    assert "search" in marked[0]
    assert "mean, max" in marked[0]
    assert "0.34" in marked[1]
