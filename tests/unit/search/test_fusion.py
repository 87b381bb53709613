from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyper_registry.search.fusion import Fused, fuse_adaptive, fuse_reciprocal_rank, fuse_weighted

SCORES = st.dictionaries(st.integers(0, 30), st.floats(-5, 50), max_size=20)
TEXT_SCORES = st.dictionaries(
    st.integers(0, 30), st.integers(1, 80_000).map(lambda n: n / 1_000), max_size=20
)
SIMILARITIES = st.dictionaries(st.integers(0, 30), st.floats(-1, 1), max_size=20)


def test_a_candidate_of_both_lists_beats_one_that_is_as_good_in_one():
    fused = fuse_weighted(
        {"text": {1: 8.0, 2: 8.0, 3: 1.0}, "vector": {2: 0.9, 4: 0.5}},
        {"text": 0.3, "vector": 0.5},
    )
    assert next(iter(fused)) == 2
    assert fused[2].score == pytest.approx(1)
    assert fused[2].parts == {"text": 1.0, "vector": 1.0}
    assert fused[4].parts == {"vector": pytest.approx(0.1)}


def test_weights_decide_between_lists_that_disagree():
    lists = {"text": {1: 2.0, 2: 1.0}, "vector": {1: 0.1, 2: 0.9}}
    assert list(fuse_weighted(lists, {"text": 0.9, "vector": 0.1})) == [1, 2]
    assert list(fuse_weighted(lists, {"text": 0.1, "vector": 0.9})) == [2, 1]


@given(SCORES, SCORES)
def test_every_candidate_is_ranked_once_between_0_and_1(
    text: dict[int, float], vector: dict[int, float]
):
    fused = fuse_weighted({"text": text, "vector": vector}, {"text": 0.3, "vector": 0.5})
    scores = [item.score for item in fused.values()]
    assert set(fused) == set(text) | set(vector)
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 + 1e-9 for score in scores)


def test_ranks_decide_whatever_the_gaps_between_scores():
    fused = fuse_reciprocal_rank({"text": {1: 900.0, 2: 1.0, 3: 0.5}, "vector": {2: 0.9, 3: 0.8}})
    assert list(fused) == [2, 3, 1]
    assert fused[2].parts == {"text": pytest.approx(61 / 62), "vector": 1.0}
    assert fused[1].score == pytest.approx(1 / 2)


def test_equal_scores_share_a_rank():
    fused = fuse_reciprocal_rank({"text": {1: 2.0, 2: 2.0, 3: 1.0}})
    assert [item.score for item in fused.values()] == [1, 1, pytest.approx(61 / 63)]


@given(SCORES, SCORES)
def test_ranks_give_every_candidate_once_a_score_between_0_and_1(
    text: dict[int, float], vector: dict[int, float]
):
    fused = fuse_reciprocal_rank({"text": text, "vector": vector})
    scores = [item.score for item in fused.values()]
    assert set(fused) == set(text) | set(vector)
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 + 1e-9 for score in scores)


def _first(fused: dict[Any, Fused]) -> Any:
    return next(iter(fused))


def test_adaptive_scores_are_evidence_of_both_lists_through_the_most_that_there_is():
    # Variance of meaning .01, so its spread is .1; 2.5 a rarest word; .1 for being in its list.
    fused = fuse_adaptive({1: 4.0, 3: 8.0}, {1: 0.3, 2: 0.5}, rarest=8.0)
    assert list(fused) == [3, 2, 1]
    assert fused[3].score == 1
    assert fused[2].score == pytest.approx((0.1 + 2) / 2.5)
    assert fused[1].score == pytest.approx((1.25 + 0.1) / 2.5)
    assert fused[1].parts == {"text": pytest.approx(0.1), "vector": pytest.approx(0.1)}
    assert fused[2].parts == {"vector": 1.0}


def test_text_prevails_by_rare_words_and_meaning_where_words_are_common():
    similar = {"meant": 0.6, "named": 0.45}
    assert _first(fuse_adaptive({"named": 6.0, "meant": 1.0}, similar, rarest=6.0)) == "named"
    assert _first(fuse_adaptive({"named": 1.2, "meant": 0.2}, similar, rarest=6.0)) == "meant"


def test_the_same_gap_of_similarity_says_less_where_all_similarities_differ_much():
    text = {"named": 3.0}
    alike = {"meant": 0.6, "named": 0.45, **dict.fromkeys(range(20), 0.45)}
    spread = {"meant": 0.6, "named": 0.45, **{n: 0.45 - n % 2 for n in range(20)}}
    assert _first(fuse_adaptive(text, alike, rarest=6.0)) == "meant"
    assert _first(fuse_adaptive(text, spread, rarest=6.0)) == "named"


def test_what_both_propose_beats_what_is_best_in_one():
    fused = fuse_adaptive({"a": 5.0, "b": 4.6}, {"c": 0.7, "b": 0.66, "d": 0.4}, rarest=6.0)
    assert _first(fused) == "b"


def test_the_size_of_a_collection_changes_nothing_where_scores_grow_with_it():
    similar = {1: 0.2, 2: 0.7, 3: 0.4}
    small = fuse_adaptive({1: 4.0, 3: 2.0}, similar, rarest=5.0)
    large = fuse_adaptive({1: 12.0, 3: 6.0}, similar, rarest=15.0)
    assert [(key, pytest.approx(item.score)) for key, item in small.items()] == [
        (key, item.score) for key, item in large.items()
    ]


@given(TEXT_SCORES, SIMILARITIES, st.floats(0.1, 20))
def test_evidence_ranks_every_candidate_once_between_0_and_1(
    text: dict[int, float], vector: dict[int, float], rarest: float
):
    fused = fuse_adaptive(text, vector, rarest=rarest)
    scores = [item.score for item in fused.values()]
    assert set(fused) == set(text) | set(vector)
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 + 1e-9 for score in scores)
    assert not scores or scores[0] == 1


@given(TEXT_SCORES)
def test_one_list_alone_keeps_its_order(scores: dict[int, float]):
    by_text = [scores[key] for key in fuse_adaptive(scores, {}, rarest=1.0)]
    by_meaning = [scores[key] for key in fuse_adaptive({}, scores, rarest=1.0)]
    assert by_text == by_meaning == sorted(scores.values(), reverse=True)
