import pytest

from hyper_registry.domain.duplicate import (
    DuplicateEvidence,
    neighbour_similarity,
    title_similarity,
)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Weather agent", "AGENT, weather", 1.0),
        ("Café Straße", "cafe\u0301 STRASSE", 1.0),
        ("\uff37eather", "weather", 1.0),
        # Of w, we, wea, eat, ath, the, her, er on both sides six are shared by eight and seven.
        ("weather", "weathr", 2 * 5 / (8 + 7)),
        ("weather", "invoices", 0.0),
        ("???", "!!!", 0.0),
        ("???", "???", 1.0),
        ("", "weather", 0.0),
    ],
)
def test_titles_are_compared_by_the_trigrams_of_their_words(one: str, other: str, expected: float):
    assert title_similarity(one, other) == pytest.approx(expected, abs=1e-4)
    assert title_similarity(other, one) == title_similarity(one, other)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([], [], None),
        ([1], [], 0.0),
        ([1, 2], [1, 2], 1.0),
        ([1, 2, 3], [3, 4, 5], 0.2),
        # Of the first only 1 to 4 are known, so 9 says nothing.
        ([1, 2, 3, 4], [2, 4, 9], 0.5),
    ],
)
def test_neighbours_are_compared_where_both_are_known(
    one: list[int], other: list[int], expected: float | None
):
    assert neighbour_similarity(one, other, 4) == expected
    assert neighbour_similarity(other, one, 4) == expected


def _score(**parts: object) -> float:
    known = {"title": 0, "embedding": None, "neighbours": None, "same_category": True}
    return DuplicateEvidence.model_validate(known | parts).score


def test_a_score_is_the_mean_of_what_is_known_and_lower_across_categories():
    assert _score(title=1, embedding=1, neighbours=1) == 1
    assert _score(title=1, embedding=0.5, neighbours=0) == pytest.approx(0.65)
    assert _score(title=0.5) == 0.5
    assert _score(title=1, neighbours=0) == 0.75
    assert _score(title=1, embedding=1, neighbours=1, same_category=False) == 0.7
