"""The exact search against an oracle in plain Python, over three shards with many equal scores."""

import itertools
import math
import random
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.attributes import AttributeFilter
from index.query import MOST_HITS
from index.snapshot import Snapshot
from tests.unit.index.shard_tables import publish, shard_table

# All exactly representable in float16, so the oracle's scores differ by rounding alone.
VECTORS = [
    *itertools.product((0.5, -0.5), repeat=4),
    *(tuple(sign * (at == axis) for at in range(4)) for axis in range(4) for sign in (1.0, -1.0)),
]
CATEGORIES = ["dataset", "library", "service"]
STATUSES = ["active", "retired"]
OWNERS = ["ann", "bob", None]
COMPLIANCE = ["pass", "fail"]
TAGS = ["a", "b", "c", "d"]
READERS = ["*", "g1", "g2", "g3"]


@dataclass(frozen=True)
class Row:
    vector: tuple[float, ...]
    category: str
    status: str
    owner: str | None
    compliance_status: str
    tags: list[str]
    readers: list[str]

    def satisfies(self, where: AttributeFilter) -> bool:
        alternatives = (
            (where.category, self.category),
            (where.status, self.status),
            (where.owner, self.owner),
            (where.compliance_status, self.compliance_status),
        )
        if any(values is not None and value not in values for values, value in alternatives):
            return False
        if where.tags_any is not None and not set(self.tags) & set(where.tags_any):
            return False
        if not set(where.tags_all or ()) <= set(self.tags):
            return False
        return where.readers is None or bool(set(self.readers) & {"*", *where.readers})


def draw_row(source: random.Random) -> Row:
    return Row(
        vector=source.choice(VECTORS),
        category=source.choice(CATEGORIES),
        status=source.choice(STATUSES),
        owner=source.choice(OWNERS),
        compliance_status=source.choice(COMPLIANCE),
        tags=source.sample(TAGS, source.randint(0, 3)),
        readers=source.sample(READERS, source.randint(0, 2)),
    )


ROWS = dict(enumerate(draw_row(random.Random(seed)) for seed in range(150)))


def table_of(keys):
    names = ("category", "status", "owner", "compliance_status", "tags", "readers")
    columns = {name: [getattr(ROWS[key], name) for key in keys] for name in names}
    vectors = np.array([ROWS[key].vector for key in keys], np.float32).reshape(-1, 4)
    return shard_table(vectors, {"entry_key": keys, **columns})


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory) -> Snapshot:
    keys = list(ROWS)
    random.Random(2).shuffle(keys)
    parts = [keys[0::3], keys[1::3], keys[2::3], []]
    version = tmp_path_factory.mktemp("index") / "v1"
    return Snapshot.open(publish(version, [table_of(part) for part in parts], dimension=4))


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Snapshot:
    version = tmp_path_factory.mktemp("index") / "v1"
    return Snapshot.open(publish(version, [table_of(list(ROWS))], dimension=4))


def some_of(values):
    known = [value for value in values if value is not None]
    return st.none() | st.lists(st.sampled_from([*known, "unknown"]), max_size=3).map(tuple)


FILTERS = st.builds(
    AttributeFilter,
    category=some_of(CATEGORIES),
    status=some_of(STATUSES),
    owner=some_of(OWNERS),
    compliance_status=some_of(COMPLIANCE),
    tags_any=some_of(TAGS),
    tags_all=some_of(TAGS),
    readers=some_of(READERS) | st.frozensets(st.sampled_from(READERS)),
)
QUERIES = st.lists(st.integers(-8, 8), min_size=4, max_size=4).filter(any)


def oracle_scores(query, where):
    length = math.hypot(*query)
    return {
        key: sum(a * b for a, b in zip(query, row.vector, strict=True)) / length
        for key, row in ROWS.items()
        if row.satisfies(where)
    }


@settings(max_examples=150, deadline=None)
@given(query=QUERIES, where=FILTERS, k=st.integers(1, 200))
def test_hits_are_the_best_permitted_rows(snapshot, whole, query, where, k):
    found = snapshot.search(np.array(query, np.float32), k, where)
    expected = oracle_scores(query, where)
    keys, scores = found.entry_keys.tolist(), found.scores.tolist()
    assert found.permitted_rows == len(expected)
    assert len(keys) == len(set(keys)) == min(k, len(expected))
    assert found.complete is (len(keys) == len(expected))
    assert found.strategy == ("exact" if expected else "none")
    assert scores == pytest.approx([expected[key] for key in keys], abs=1e-6)
    assert scores == pytest.approx(sorted(expected.values(), reverse=True)[:k], abs=1e-6)
    pairs = list(zip(scores, keys, strict=True))
    assert pairs == sorted(pairs, key=lambda pair: (-pair[0], pair[1]))
    # Neither the number of shards nor the depth of the page changes the order, ties included.
    all_found = whole.search(np.array(query, np.float32), MOST_HITS, where)
    assert keys == all_found.entry_keys.tolist()[:k]
    assert scores == all_found.scores.tolist()[:k]


def test_rows_hidden_from_the_principal_are_never_found(snapshot):
    query = np.array([1, 1, 1, 1], np.float32)
    nobody = snapshot.search(query, MOST_HITS, AttributeFilter(readers=()))
    assert set(nobody.entry_keys.tolist()) == {
        key for key, row in ROWS.items() if "*" in row.readers
    }
    member = snapshot.search(query, MOST_HITS, AttributeFilter(readers=("g1",)))
    assert set(member.entry_keys.tolist()) == {
        key for key, row in ROWS.items() if {"*", "g1"} & set(row.readers)
    }
    everyone = snapshot.search(query, MOST_HITS, AttributeFilter(readers=None))
    assert set(everyone.entry_keys.tolist()) == set(ROWS)
