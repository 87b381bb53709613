from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from hyper_registry.domain.index_version import IndexVersion, IndexVersionState
from jobs.index_plan import IndexPlan, ShardPlan, plan_shard_count, superseded

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def version(number: int, state: IndexVersionState) -> IndexVersion:
    return IndexVersion(
        version=number,
        state=state,
        uri=f"file:///index/{number}",
        snapshot_xid=number,
        model_id="m",
        row_count=None,
        shard_count=1,
        created_at=NOW,
        activated_at=None,
    )


def test_a_plan_survives_as_a_checkpoint():
    shards = (ShardPlan(0, 1, 10), ShardPlan(1, 11, 25))
    plan = IndexPlan(3, Path("/a b/index"), 77, "model@1", 25, shards)
    assert IndexPlan.of(orjson.loads(orjson.dumps(plan.to_json()))) == plan


@pytest.mark.parametrize(
    ("rows", "shards"), [(0, 1), (1, 1), (100, 1), (101, 2), (200, 2), (201, 3)]
)
def test_shards_hold_at_most_their_rows(rows: int, shards: int):
    assert plan_shard_count(rows, 100) == shards


def test_failed_versions_and_used_ones_beyond_those_kept_are_superseded():
    state = IndexVersionState
    versions = [
        version(1, state.RETIRED),
        version(2, state.FAILED),
        version(3, state.RETIRED),
        version(4, state.ACTIVE),
        version(5, state.BUILDING),
    ]
    assert [item.version for item in superseded(versions, keep=2)] == [2, 1]
    assert [item.version for item in superseded(versions, keep=3)] == [2]


def test_the_active_version_stays_also_when_it_is_the_oldest():
    versions = [
        version(1, IndexVersionState.ACTIVE),
        version(2, IndexVersionState.RETIRED),
        version(3, IndexVersionState.RETIRED),
    ]
    assert superseded(versions, keep=2) == []


def test_what_holds_an_erased_person_is_superseded_however_few_there_are():
    state = IndexVersionState
    versions = [
        version(1, state.RETIRED),
        version(2, state.FAILED),
        version(3, state.RETIRED),
        version(4, state.RETIRED),
        version(5, state.ACTIVE),
    ]
    assert [item.version for item in superseded(versions, keep=9, erased_xid=3)] == [2, 3, 1]
    # The active one stays in use until another one is built.
    assert [item.version for item in superseded(versions, keep=9, erased_xid=5)] == [2, 4, 3, 1]
