import pytest

from hyper_registry.search.sentences import sentences


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", []),
        ("postgres backup", []),
        ("What is the weather in Rome tomorrow?", []),
        ("Find flights. Ok?", []),
        ("Find the weather.\nBook a flight!", ["Find the weather.", "Book a flight!"]),
        ("version 3.11 of node.js is needed", []),
    ],
)
def test_only_several_sentences_are_taken_apart(query: str, expected: list[str]):
    assert sentences(query, 4) == expected


def test_neighbours_are_joined_where_there_are_too_many():
    many = " ".join(f"Sentence number {number}." for number in range(7))
    parts = sentences(many, 3)
    assert parts == [
        "Sentence number 0. Sentence number 1.",
        "Sentence number 2. Sentence number 3.",
        "Sentence number 4. Sentence number 5. Sentence number 6.",
    ]
    assert sentences(many, 1) == sentences(many, 0) == []
