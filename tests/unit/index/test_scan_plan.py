import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.scan_plan import ScanPlan, plan_scan

MILLION = 1_000_000


@pytest.mark.parametrize(
    ("row_count", "permitted", "k", "fetches"),
    [
        (MILLION, MILLION, 10, (600, 2_400, 12_000)),
        (MILLION, 300_000, 10, (2_000, 8_000, 12_000)),
        (MILLION, 50_000, 10, (12_000,)),
        (MILLION, 35_001, 10, (12_000,)),
        (MILLION, 35_000, 10, ()),
        (MILLION, 1, 10, ()),
        (MILLION, MILLION, 100, (2_000, 8_000, 40_000)),
        (100_000, 8_000, 10, ()),
        (100_000, 8_001, 10, (7_500, 12_000)),
        (8_000, 8_000, 10, (600, 2_400, 8_000)),
        (8_000, 8_000, 5_000, ()),
    ],
)
def test_fetch_follows_selectivity(row_count, permitted, k, fetches):
    assert plan_scan(row_count, permitted, k).fetches == fetches


def test_exact_pass_after_an_uncertain_scan_is_bounded():
    assert plan_scan(MILLION, 100_000, 10).exact_after_scan
    assert not plan_scan(MILLION, 100_001, 10).exact_after_scan


def test_refinement_grows_with_the_hits_asked_for():
    assert plan_scan(MILLION, MILLION, 10).refined == 60
    assert plan_scan(MILLION, MILLION, 100).refined == 200


@given(st.integers(1, 3 * MILLION), st.integers(1, 3 * MILLION), st.integers(1, 10_000))
def test_plans_are_always_feasible(row_count, permitted, k):
    plan = plan_scan(row_count, min(permitted, row_count), k)
    assert isinstance(plan, ScanPlan)
    assert plan.enough >= plan.refined >= k
    assert list(plan.fetches) == sorted(set(plan.fetches))
    assert all(k <= fetch <= row_count for fetch in plan.fetches)
