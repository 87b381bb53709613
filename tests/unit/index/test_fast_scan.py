"""The approximate search of a large shard against brute force over the original vectors."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from index.attributes import AttributeFilter
from index.manifest import VectorKind
from index.scan_plan import ScanPlan
from index.snapshot import Snapshot
from tests.unit.index.shard_tables import clustered_vectors, publish, shard_table, unit_rows

ROWS = 25_000
# Category by share of rows: "thousandth" is 0.1% of them.
SHARES = {"thousandth": 0.001, "hundredth": 0.01, "twentieth": 0.05, "third": 0.3}
VECTORS = clustered_vectors(ROWS + 100, clusters=60)
QUERIES = VECTORS[ROWS:]
CATEGORY_OF = np.array([*SHARES, "rest"])[
    np.searchsorted(np.cumsum(list(SHARES.values())), np.random.default_rng(4).random(ROWS))
]
KEYS = np.random.default_rng(5).permutation(ROWS) + 1_000_000
ROW_OF = {key: row for row, key in enumerate(KEYS.tolist())}
# The cluster is an attribute too, so that filters can go against the query.
NEAREST_OF_FIRST = np.argsort(-(VECTORS[:ROWS] @ QUERIES[0]))
FAR_FROM_FIRST = np.zeros(ROWS, bool)
FAR_FROM_FIRST[NEAREST_OF_FIRST[15_000:]] = True
VERY_FAR_FROM_FIRST = np.zeros(ROWS, bool)
VERY_FAR_FROM_FIRST[NEAREST_OF_FIRST[18_000:]] = True


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory) -> Snapshot:
    columns = {
        "entry_key": KEYS.tolist(),
        "category": CATEGORY_OF.tolist(),
        "owner": np.where(FAR_FROM_FIRST, "far", "near").tolist(),
        "status": np.where(VERY_FAR_FROM_FIRST, "very far", "near").tolist(),
        "readers": [["*"] if row % 2 else ["insiders"] for row in range(ROWS)],
    }
    table = shard_table(VECTORS[:ROWS], columns)
    return Snapshot.open(publish(tmp_path_factory.mktemp("index") / "v1", [table]), verify=True)


def exact_keys(query, permitted, k=10):
    rows = np.flatnonzero(permitted)
    return set(KEYS[rows[np.argsort(-(VECTORS[rows] @ query))[:k]]].tolist())


def test_shard_of_this_size_is_scanned(snapshot):
    assert snapshot.shards[0].manifest.vector_kind is VectorKind.FAST_SCAN
    assert snapshot.row_count == ROWS


@pytest.mark.parametrize("category", [None, *SHARES])
def test_recall_against_brute_force(snapshot, category):
    permitted = np.ones(ROWS, bool) if category is None else category == CATEGORY_OF
    where = AttributeFilter(category=None if category is None else (category,))
    hits = wanted = 0
    for query in QUERIES:
        found = snapshot.search(query, 10, where)
        keys = found.entry_keys.tolist()
        expected = exact_keys(query, permitted)
        assert found.permitted_rows == permitted.sum()
        assert found.strategy == ("scan" if permitted.sum() > 6_000 else "exact")
        assert len(set(keys)) == len(keys) == min(10, found.permitted_rows)
        assert all(permitted[ROW_OF[key]] for key in keys)
        true_scores = VECTORS[[ROW_OF[key] for key in keys]] @ query
        np.testing.assert_allclose(found.scores, true_scores, atol=1e-3)
        assert (np.diff(found.scores) <= 0).all()
        hits += len(expected & set(keys))
        wanted += len(expected)
    assert hits / wanted >= 0.98


@pytest.mark.parametrize("category", ["third", "twentieth"])
def test_scan_and_mask_keep_recall_where_the_exact_pass_would_be_planned(snapshot, category):
    permitted = category == CATEGORY_OF
    shard = snapshot.shards[0]
    mask = shard.attributes.mask(AttributeFilter(category=(category,)))
    plan = ScanPlan(
        (round(600 * ROWS / permitted.sum()),), enough=300, refined=60, exact_after_scan=False
    )
    hits = 0
    for query in QUERIES:
        nearest = shard.vectors.nearest_by_plan(query, mask, 10, plan)
        assert nearest.strategy == "scan"
        keys = set(shard.entry_keys[nearest.row_ids].tolist())
        assert len(keys) == 10
        hits += len(keys & exact_keys(query, permitted))
    assert hits / (10 * len(QUERIES)) >= 0.98


def test_stored_vectors_find_themselves_first(snapshot):
    for row in range(0, ROWS, 250):
        found = snapshot.search(VECTORS[row], 1, AttributeFilter())
        assert found.entry_keys.tolist() == [KEYS[row]]
        assert found.scores[0] == pytest.approx(1, abs=1e-3)


def test_filter_against_the_query_widens_the_scan_and_then_ranks_exactly(snapshot):
    for where, permitted in (
        # Some far rows survive the mask, but by the errors of their codes.
        (AttributeFilter(owner=("far",)), FAR_FROM_FIRST),
        # Hardly any does.
        (AttributeFilter(status=("very far",)), VERY_FAR_FROM_FIRST),
    ):
        found = snapshot.search(QUERIES[0], 10, where)
        assert found.strategy == "scan+exact"
        assert found.permitted_rows == permitted.sum()
        # The permitted rows start in the middle of the ranking, where scores are 0.00001 apart: the
        # hits are as good as the best ones rather than the same.
        keys = found.entry_keys.tolist()
        assert all(permitted[ROW_OF[key]] for key in keys)
        best = np.sort(VECTORS[:ROWS][permitted] @ QUERIES[0])[:-11:-1]
        np.testing.assert_allclose(found.scores, best, atol=1e-3)


def test_more_hits_than_planned_survivors(snapshot):
    for k in (100, 2_000):
        found = snapshot.search(QUERIES[1], k, AttributeFilter())
        expected = exact_keys(QUERIES[1], np.ones(ROWS, bool), k)
        assert len(found.entry_keys) == k
        assert len(expected & set(found.entry_keys.tolist())) >= 0.98 * k
        assert not found.complete


def test_more_hits_than_rows_gives_every_permitted_row(snapshot):
    found = snapshot.search(QUERIES[2], 10_000, AttributeFilter(category=("third",)))
    permitted = CATEGORY_OF == "third"
    assert set(found.entry_keys.tolist()) == set(KEYS[permitted].tolist())
    assert found.complete


def test_hidden_rows_are_never_found(snapshot):
    for query in QUERIES[:20]:
        found = snapshot.search(query, 100, AttributeFilter(readers=("outsiders",)))
        assert all(ROW_OF[key] % 2 for key in found.entry_keys.tolist())
        assert len(found.entry_keys) == 100


def test_concurrent_searches_give_the_answers_of_single_ones(snapshot):
    filters = [AttributeFilter(), *(AttributeFilter(category=(name,)) for name in SHARES)]
    asked = [(query, where) for query in QUERIES[:30] for where in filters]
    alone = [snapshot.search(query, 10, where) for query, where in asked]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda ask: snapshot.search(ask[0], 10, ask[1]), asked))
    for one, other in zip(alone, together, strict=True):
        assert one.entry_keys.tolist() == other.entry_keys.tolist()
        assert one.scores.tolist() == other.scores.tolist()


def test_scores_do_not_depend_on_the_kind_of_shard(snapshot, tmp_path):
    rows = np.arange(0, ROWS, 50)
    columns = {"entry_key": KEYS[rows].tolist()}
    flat = Snapshot.open(publish(tmp_path / "v1", [shard_table(VECTORS[rows], columns)]))
    query = unit_rows(VECTORS[rows[:1]] + 0.01)[0]
    exact = flat.search(query, 5, AttributeFilter())
    found = snapshot.search(query, 10_000, AttributeFilter())
    scores = dict(zip(found.entry_keys.tolist(), found.scores.tolist(), strict=True))
    assert [scores[key] for key in exact.entry_keys.tolist()] == exact.scores.tolist()
