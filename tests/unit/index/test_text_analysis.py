import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.text_analysis import (
    ANALYSIS_VERSION,
    MOST_CHARACTERS,
    MOST_WORD_CHARACTERS,
    analyse,
    chunks_of,
    folded,
    stem,
    without_accents,
)


def indexed(text):
    return [word for chunk in chunks_of(text) for word in analyse(chunk).indexed]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The quick fox", ["the", "quick", "fox"]),
        ("scikit_learn", ["scikit", "learn", "scikitlearn"]),
        ("ScikitLearn", ["scikit", "learn", "scikitlearn"]),
        ("HTTPServer", ["http", "server", "httpserver"]),
        ("JavaScript", ["javascript"]),
        ("@scope/name", ["scope", "name"]),
        ("node.js.", ["node", "js", "nodejs"]),
        ("python3", ["python3", "python"]),
        ("s3 r2d2", ["s3", "r2d2"]),
        ("v1.2.3", ["1.2.3", "1.2", "1"]),
        ("C++17 C# c", ["c", "c++", "17", "c", "c#", "c"]),
        ("C++ c++.", ["c", "c++", "c", "c++"]),
        ("Straße ﬁn Œuvre", ["strasse", "fin", "oeuvre"]),
        ("NAÏVE naïve nai\u0308ve", ["naive"] * 3),
        ("İstanbul", ["istanbul"]),
        ("soft\u00adware zero\u200bwidth", ["software", "zerowidth"]),
        ("Ёлка й", ["елка", "и"]),
        ("हिन्दी", ["हिन्दी"]),
        ("قُرْآن", ["قران"]),
        ("שָׁלוֹם", ["שלום"]),
        ("機械学習", ["機", "械", "学", "習", "機械", "械学", "学習"]),
        ("PostgreSQL用", ["postgre", "sql", "用", "postgresql用"]),
        ("🚀 to the ⭐️", ["🚀", "to", "the", "⭐"]),
        ("...!?;-- \x00 \ud800", []),
        ("", []),
    ],
)
def test_words_of_a_text(text, words):
    assert indexed(text) == words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("scikit-learn", "ScikitLearn"),
        ("scikit-learn", "scikitlearn"),
        ("scikitlearn", "scikit.learn"),
        ("NodeJS", "node.js"),
        ("python", "Python3"),
        ("3.11", "3.11.9"),
        ("café", "CAFE"),
        ("学習", "機械学習"),
        ("automation", "Automated"),
    ],
)
def test_spellings_that_find_each_other(one, other):
    found = {stem(word) for word in indexed(other)}
    for chunk in chunks_of(one):
        for alternatives in analyse(chunk).asked:
            assert found & {stem(word) for word in alternatives}, (one, other)


@pytest.mark.parametrize(
    ("asked", "text"), [("C++", "c"), ("python3", "python"), ("java", "JavaScript"), ("r", "ruby")]
)
def test_words_that_do_not_mean_the_same(asked, text):
    found = set(indexed(text))
    (chunk,) = chunks_of(asked)
    assert not any(found & set(alternatives) for alternatives in analyse(chunk).asked)


@given(st.text())
def test_a_text_finds_itself_whatever_it_is(text):
    for chunk in chunks_of(text):
        words = analyse(chunk)
        assert words.indexed
        assert words.asked
        for alternatives in words.asked:
            assert set(alternatives) <= set(words.indexed)
        for word in words.indexed:
            assert 1 <= len(word) <= MOST_WORD_CHARACTERS
            assert folded(word) == word


@given(st.text(alphabet="aBcDe1.-_+# éЖ机ß", max_size=30))
def test_an_identifier_finds_itself_in_any_case_of_its_letters(text):
    for chunk in chunks_of(text):
        lower = {word for part in chunks_of(chunk.lower()) for word in analyse(part).indexed}
        whole = max(analyse(chunk.lower()).indexed, key=len)
        assert whole in lower


@given(st.text())
def test_folding_again_changes_nothing(text):
    once = folded(without_accents(text))
    assert folded(without_accents(once)) == once


@given(st.text())
def test_composed_and_decomposed_texts_have_the_same_words(text):
    composed = indexed(unicodedata.normalize("NFC", text))
    assert composed == indexed(unicodedata.normalize("NFD", text))


@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000,
        "a." * 100_000,
        "aB" * 100_000,
        "机" * 200_000,
        "é" * 200_000,
        "\u0301" * 200_000,
        "a_-" * 100_000,
        "1." * 100_000,
        "🚀" * 200_000,
        "\ufdfa" * 100_000,
    ],
    ids=lambda text: f"{text[:3]!r}",
)
def test_huge_tokens_stay_within_bounds(text):
    words = indexed(text)
    assert len(words) <= 40 * MOST_CHARACTERS
    assert max(map(len, words), default=0) <= MOST_WORD_CHARACTERS


def test_beginning_of_a_text_is_indexed():
    assert indexed("a " * (MOST_CHARACTERS // 2) + "end")[-1] == "a"


def test_version_names_the_stemmer():
    assert ANALYSIS_VERSION.startswith("1+snowball-")
