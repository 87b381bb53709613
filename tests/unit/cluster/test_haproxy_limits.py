import resource

import pytest

from cluster.haproxy_limits import (
    FEWEST_CONNECTIONS,
    FileLimitPlan,
    files_needed,
    plan_file_limit,
    soft_file_limit,
)
from hyper_registry.domain.errors.service import ClusterError

UNLIMITED = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("soft", "hard", "plan"),
    [
        (20_000, 20_000, FileLimitPlan(4096, 20_000)),
        (1024, 1_048_576, FileLimitPlan(4096, 10_496)),
        (1024, UNLIMITED, FileLimitPlan(4096, 10_496)),
        (UNLIMITED, UNLIMITED, FileLimitPlan(4096, UNLIMITED)),
        (10_496, 10_496, FileLimitPlan(4096, 10_496)),
        (1024, 10_495, FileLimitPlan(4095, 10_495)),
        (1024, 4096, FileLimitPlan(1536, 4096)),
    ],
)
def test_connections_and_file_limit_fit_each_other(
    soft: int, hard: int, plan: FileLimitPlan
) -> None:
    assert plan_file_limit(4096, soft, hard) == plan


@pytest.mark.parametrize("hard", [300, 400, 512, 575, 576, 1024, 5000, 10_495])
def test_a_lowered_plan_always_fits_the_hard_limit(hard: int) -> None:
    try:
        plan = plan_file_limit(4096, 256, hard)
    except ClusterError:
        assert hard < files_needed(FEWEST_CONNECTIONS)
    else:
        assert files_needed(plan.max_connections) <= plan.soft_limit <= hard


def test_a_hopeless_limit_names_the_remedy() -> None:
    with pytest.raises(ClusterError, match="limit of 256 open files allows only 0") as caught:
        plan_file_limit(4096, 256, 256)
    assert "Raise it to 576 or more" in caught.value.remedy
    assert "ulimit -Hn" in caught.value.remedy


def test_too_few_connections_are_refused() -> None:
    with pytest.raises(ClusterError, match="64 connections are too few"):
        plan_file_limit(64, 1024, 1024)


def test_the_soft_limit_is_changed_for_the_block_only() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with soft_file_limit(before[0] - 1):
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[0] - 1, before[1])
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before
