import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.api.operations import Promise
from benchmarks.api.statistics import OperationResult, Run, percentile, summarise

values = st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=300)


def _run(*latencies_s: float, errors: int = 0, elapsed_s: float = 1.0) -> Run:
    return Run(latencies_s, errors, elapsed_s, 0.0, "503 b'no'" if errors else None)


@given(values, st.floats(min_value=0.1, max_value=100))
def test_a_percentile_is_that_of_numpys_inverted_distribution(drawn: list[float], percent: float):
    ordered = sorted(drawn)
    expected = np.percentile(ordered, percent, method="inverted_cdf")
    assert percentile(ordered, percent) == expected


@pytest.mark.parametrize(("ordered", "percent"), [([], 50), ([1.0], 0), ([1.0], 101)])
def test_there_is_no_percentile_of_nothing_or_beyond_all(ordered: list[float], percent: float):
    with pytest.raises(ValueError, match="no percentile"):
        percentile(ordered, percent)


def test_single_requests_give_the_latencies_and_parallel_ones_the_throughput():
    single = _run(0.004, 0.001, 0.003, 0.002, errors=1)
    parallel = _run(*[0.5] * 30, errors=2, elapsed_s=2.0)
    assert summarise(single, parallel) == OperationResult(
        mean_ms=2.5, p50_ms=2.0, p99_ms=4.0, max_ms=4.0, errors=3, requests=37, rps_c16=15.0
    )


def test_an_operation_that_never_succeeds_has_no_figures():
    with pytest.raises(ValueError, match="503"):
        summarise(_run(errors=3), _run(0.1))


def test_missed_promises_are_named():
    promise = Promise(mean_ms=5, worst_ms=50, error_share=0.01)
    kept = OperationResult(5.0, 1, 1, 50.0, errors=1, requests=100, rps_c16=1)
    assert kept.missed(promise) == []
    missed = OperationResult(5.1, 1, 1, 50.1, errors=2, requests=100, rps_c16=1)
    assert missed.missed(promise) == ["mean", "max", "errors"]
