import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyper_registry.search.fusion import fuse_reciprocal_rank, fuse_weighted

SCORES = st.dictionaries(st.integers(0, 30), st.floats(-5, 50), max_size=20)


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
