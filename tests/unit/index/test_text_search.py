import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.errors import IndexFormatError
from index.text_clauses import Role, WeightedClause
from index.text_hits import TextHits, TextMatches, merge_text_matches
from tests.unit.index.text_shards import brute_force, open_text, row_terms

WORDS = ["ray", "rays", "serve", "the", "vector-search", "VectorSearch", "py3", "café", "机器", "x"]
sentences = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)
rows_of_text = st.tuples(
    sentences, st.lists(st.sampled_from(WORDS), max_size=2), st.one_of(st.none(), sentences)
)
TERMS = ["ray", "serv", "the", "vector", "search", "vectorsearch", "cafe", "机", "absent"]
clauses_of_terms = st.builds(
    lambda terms, weights, role: WeightedClause(
        tuple(terms), tuple(map(float, weights[: len(terms)])), role
    ),
    st.lists(st.sampled_from(TERMS), min_size=1, max_size=3, unique=True),
    # Powers of two make ties exact in any order of adding.
    st.lists(st.sampled_from([0.5, 1, 2, 4]), min_size=3, max_size=3),
    st.sampled_from([Role.WANTED, Role.WANTED, Role.REQUIRED, Role.EXCLUDED]),
)


def assert_hits(hits: TextHits, expected, rows, k, categories):
    assert hits.total == len(expected)
    assert len(hits.entry_keys) == min(k, len(expected))
    scores = [expected[key] for key in hits.entry_keys.tolist()]
    np.testing.assert_allclose(hits.scores, scores, rtol=1e-4)
    order = list(zip((-hits.scores).tolist(), hits.entry_keys.tolist(), strict=True))
    assert order == sorted(order)
    left_out = [score for key, score in expected.items() if key not in set(hits.entry_keys)]
    if left_out and scores:
        assert max(left_out) <= min(scores) * (1 + 1e-4)
    assert hits.facets == {
        "category": dict(Counter(categories[key] for key in expected)),
        "tags": dict(Counter(tag for key in expected for tag in set(rows[key][1]))),
    }


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(rows_of_text, min_size=1, max_size=25),
    queries=st.lists(
        st.lists(clauses_of_terms, min_size=1, max_size=4, unique=True), min_size=1, max_size=4
    ),
    k=st.integers(1, 6),
    relaxed=st.booleans(),
    random=st.randoms(use_true_random=False),
)
def test_hits_totals_and_facets_are_those_of_a_look_at_every_row(rows, queries, k, relaxed, random):
    permitted = np.array([random.random() < 0.7 for _ in rows])
    categories = [random.choice("ab") for _ in rows]
    with tempfile.TemporaryDirectory() as directory:
        text = open_text(Path(directory), rows, categories=categories)
        # One after the other on one score board: what one leaves behind would change the next.
        for clauses in queries:
            for mask in (permitted, None):
                found = text.search(clauses, k, mask, relaxed=relaxed, facets=("category", "tags"))
                seen = np.ones(len(rows), bool) if mask is None else mask
                if all(clause.role is Role.EXCLUDED for clause in clauses):
                    assert (found.with_all.total, found.with_some.total) == (0, 0)
                    continue
                with_all, with_some = brute_force(rows, clauses, seen, relaxed=relaxed)
                assert_hits(found.with_all, with_all, rows, k, categories)
                assert_hits(found.with_some, with_some, rows, k, categories)


@pytest.mark.parametrize("k", [1, 2, 7, 500])
def test_of_equal_scores_the_lower_keys_are_found(tmp_path, k):
    # Every row is one of three; which words come first makes rows be touched out of order.
    kinds = [("ray serve", (), None), ("serve", (), None), ("ray", (), None)]
    random = np.random.default_rng(4)
    rows = [kinds[kind] for kind in random.integers(0, 3, 400)]
    keys = np.sort(random.choice(10_000, 400, replace=False))
    text = open_text(tmp_path, rows, keys=keys)
    clauses = [WeightedClause(("serv",), (1.0,)), WeightedClause(("ray",), (1.0,))]
    found = text.search(clauses, k)
    both = [int(key) for key, row in zip(keys, rows, strict=True) if row is kinds[0]]
    one = [int(key) for key, row in zip(keys, rows, strict=True) if row is not kinds[0]]
    assert found.with_all.entry_keys.tolist() == both[:k]
    assert found.with_some.entry_keys.tolist() == one[:k]
    assert (found.with_all.total, found.with_some.total) == (len(both), len(one))


def test_title_counts_more_than_tags_and_these_more_than_the_description(tmp_path):
    rows = [("a", (), "ray"), ("a", ("ray",), "b"), ("ray", (), "b"), ("ray b c d e", (), "b")]
    text = open_text(tmp_path, rows)
    found = text.search([WeightedClause(("ray",), (1.0,))], 10).with_all
    assert found.entry_keys.tolist() == [2, 3, 1, 0]
    for key, score in zip(found.entry_keys, found.scores, strict=True):
        assert score == pytest.approx(row_terms(rows[key])["ray"])


def test_shards_that_are_merged_answer_as_one_would(tmp_path):
    random = np.random.default_rng(8)
    rows = [
        (" ".join(random.choice(WORDS, 3)), (), " ".join(random.choice(WORDS, 6)))
        for _ in range(300)
    ]
    clauses = [
        WeightedClause(("ray",), (1.3,)),
        WeightedClause(("vector", "vectorsearch"), (0.7, 2.1)),
        WeightedClause(("x",), (0.9,), Role.EXCLUDED),
    ]
    (tmp_path / "whole").mkdir()
    whole = open_text(tmp_path / "whole", rows).search(clauses, 20, facets=("category",))
    parts = []
    for number in range(3):
        directory = tmp_path / str(number)
        directory.mkdir()
        shard = open_text(directory, rows[number::3], keys=range(number, 300, 3))
        parts.append(shard.search(clauses, 20, facets=("category",)))
    merged = merge_text_matches(parts, 20)
    for expected, found in (
        (whole.with_all, merged.with_all),
        (whole.with_some, merged.with_some),
    ):
        assert found.entry_keys.tolist() == expected.entry_keys.tolist()
        assert found.scores.tolist() == expected.scores.tolist()
        assert (found.total, found.facets) == (expected.total, expected.facets)
    assert whole.with_all.total > 20


def test_searches_at_the_same_time_do_not_disturb_each_other(tmp_path):
    rows = [(f"ray {number % 7} {number % 11}", (), None) for number in range(5_000)]
    text = open_text(tmp_path, rows, batch_rows=1_000)
    queries = [
        [WeightedClause(("ray",), (0.1,)), WeightedClause((str(number),), (1.0,))]
        for number in range(11)
    ]
    alone = [text.search(query, 50).with_all for query in queries]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda at: text.search(queries[at % 11], 50), range(220)))
    for at, found in enumerate(together):
        assert found.with_all.entry_keys.tolist() == alone[at % 11].entry_keys.tolist()
        assert found.with_all.total == alone[at % 11].total


def test_empty_shard_finds_nothing(tmp_path):
    text = open_text(tmp_path, [])
    found = text.search([WeightedClause(("ray",), (1.0,))], 5)
    assert (found.with_all.total, found.with_some.total) == (0, 0)
    assert text.vocabulary.term("ray") is None
    assert text.vocabulary.beginning_with("r", 5) == []
    assert text.vocabulary.misspelt("rayserve", 5) == []
    assert merge_text_matches([], 5).with_all.total == 0


def test_text_of_another_analysis_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("index.text_writer.ANALYSIS_VERSION", "0+older")
    with pytest.raises(IndexFormatError, match=r"'0\+older'.*build the index anew"):
        open_text(tmp_path, [("ray", (), None)])


def test_merging_keeps_the_first_of_equal_scores():
    def hits(keys, scores):
        return TextHits(np.array(keys), np.array(scores, np.float32), len(keys), {"c": {"a": 1}})

    nothing = hits([], [])
    parts = [
        TextMatches(hits([9, 4], [2, 1]), nothing),
        TextMatches(hits([3, 5], [2, 1]), nothing),
    ]
    merged = merge_text_matches(parts, 3).with_all
    assert merged.entry_keys.tolist() == [3, 9, 4]
    assert (merged.total, merged.facets) == (4, {"c": {"a": 2}})
