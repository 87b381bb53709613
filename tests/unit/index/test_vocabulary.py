import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.edit_distance import near_words
from index.word_list import WordList, write_words
from index.word_signatures import signatures_of
from tests.unit.index.text_shards import open_text

WORDS = st.text(alphabet="abcéЖ机🚀", min_size=1, max_size=9)


def distance(one, other):
    """Optimal string alignment by the textbook."""
    table = np.zeros((len(one) + 1, len(other) + 1), int)
    table[:, 0] = range(len(one) + 1)
    table[0] = range(len(other) + 1)
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            table[i, j] = min(
                table[i - 1, j] + 1,
                table[i, j - 1] + 1,
                table[i - 1, j - 1] + (one[i - 1] != other[j - 1]),
            )
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                table[i, j] = min(table[i, j], table[i - 2, j - 2] + 1)
    return int(table[-1, -1])


@settings(deadline=None)
@given(st.lists(WORDS, unique=True, max_size=40), WORDS, st.integers(1, 2))
def test_near_words_are_exactly_those_within_the_distance(words, wanted, most):
    encoded = sorted(word.encode() for word in words)
    offsets = np.cumsum([0, *map(len, encoded)]).astype(np.uint32)
    letters = np.frombuffer(b"".join(encoded), np.uint8)
    places, distances = near_words(wanted, letters, offsets, signatures_of(encoded), most)
    expected = [
        (place, far)
        for place, word in enumerate(encoded)
        if (far := distance(wanted, word.decode())) <= most
    ]
    assert list(zip(places.tolist(), distances.tolist(), strict=True)) == expected


@settings(deadline=None)
@given(words=st.lists(WORDS, unique=True, max_size=30), wanted=WORDS)
def test_word_list_finds_words_and_prefixes(tmp_path_factory, words, wanted):
    directory = tmp_path_factory.mktemp("words")
    encoded = sorted(word.encode() for word in words)
    paths = directory / "words.npy", directory / "offsets.npy"
    write_words(encoded, *paths)
    listed = WordList(*paths, len(words))
    assert [listed[place] for place in range(len(listed))] == encoded
    assert (listed.find(wanted) is not None) == (wanted in words)
    found = [listed.text(place) for place in listed.beginning_with(wanted)]
    assert sorted(found) == sorted(word for word in words if word.startswith(wanted))


@pytest.fixture
def vocabulary(tmp_path):
    texts = ["automation", "automated auto", "automate", "autumn", "tensorflow", "tensorflows"]
    texts += ["kubernetes", "numpy", "numpy", "jumpy", "ray", "серверы"]
    return open_text(tmp_path, [(text, (), None) for text in texts]).vocabulary


def test_prefixes_are_those_of_words_not_of_stems(vocabulary):
    found = vocabulary.beginning_with("automat", 10)
    assert [(item.term, item.frequency) for item in found] == [("autom", 3)]
    assert [item.term for item in vocabulary.beginning_with("aut", 10)] == [
        "autom",
        "auto",
        "autumn",
    ]
    assert [item.term for item in vocabulary.beginning_with("aut", 1)] == ["autom"]
    assert vocabulary.beginning_with("zzz", 10) == []


@pytest.mark.parametrize(
    ("misspelt", "words"),
    [
        ("nunpy", [("numpy", 1)]),
        ("numpi", [("numpy", 1)]),
        ("umpy", [("numpy", 1), ("jumpy", 1)]),
        ("tensrflw", [("tensorflow", 2)]),
        ("kubrenetse", [("kubernetes", 2)]),
        ("kubernets", [("kubernetes", 1)]),
        ("сервиры", [("серверы", 1)]),
        ("rai", []),
        ("numqi", []),
        ("x" * 64, []),
    ],
)
def test_misspelt_words_are_offered_by_distance_then_frequency(vocabulary, misspelt, words):
    found = vocabulary.misspelt(misspelt, 10)
    assert [(item.word, item.distance) for item in found] == words


def test_terms_are_stems_that_rows_have(vocabulary):
    assert vocabulary.frequency("autom") == 3
    assert vocabulary.term("automation") is None
    assert vocabulary.frequency("absent") == 0
