from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import IndexQueryError
from index.query_syntax import MOST_PHRASES, parse_query
from index.text_clauses import MOST_CLAUSES, QueryClause, Role

W, R, X = Role.WANTED, Role.REQUIRED, Role.EXCLUDED


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("Ray  Serve", [("ray", W), ("serve", W)]),
        ("how do I use ray", [("use", W), ("ray", W)]),
        ("the who", [("the", W), ("who", W)]),
        ("+ray -java serve", [("ray", R), ("java", X), ("serve", W)]),
        ("-java the", [("the", W), ("java", X)]),
        ('"model serving" ray', [("model", R), ("serving", R), ("ray", W)]),
        ("\u201cmodel serving\u201d", [("model", R), ("serving", R)]),
        ('model "serving', [("model", W), ("serving", W)]),
        ('"', None),
        ('""', None),
        ('+ - * "" ?!', None),
        ("-java", None),
        ("", None),
        ("\x00\ud800\u200b", None),
        ("-- drop table; select 1", [("drop", W), ("table", W), ("select", W), ("1", W)]),
        ("--verbose", [("verbose", W)]),
        ("a-b c+d", [("b", W), ("c", W), ("d", W)]),
        ("^(foo|bar)+$ [a-z]*?", [("foo", W), ("bar", W), ("z", W)]),
        ("tag:ml owner:'x'", [("tag", W), ("ml", W), ("owner", W), ("x", W)]),
        ("C++ -C#", [("c++", W), ("c#", X)]),
        ("ray ray +ray", [("ray", W), ("ray", R)]),
        ("خادم النماذج", [("خادم", W), ("النماذج", W)]),
        ("🚀 rocket", [("🚀", W), ("rocket", W)]),
        ("機械学習", [("機械", W), ("械学", W), ("学習", W)]),
    ],
)
def test_clauses_of_a_query(text, clauses):
    if clauses is None:
        with pytest.raises(IndexQueryError, match="nothing to search for"):
            parse_query(text)
    else:
        found = parse_query(text).clauses
        assert [(clause.words[0], clause.role) for clause in found] == clauses


def test_spellings_of_an_identifier_are_alternatives():
    assert parse_query("Scikit-Learn").clauses == (
        QueryClause(("scikit", "scikitlearn")),
        QueryClause(("learn", "scikitlearn")),
    )
    assert parse_query("-scikit-learn x").clauses[0] == QueryClause(("scikitlearn",), X)


def test_only_the_last_part_of_a_word_is_a_beginning():
    found = parse_query("scikit-le* auto*").clauses
    assert [(clause.words, clause.prefix) for clause in found] == [
        (("scikit", "scikitle"), False),
        (("le", "scikitle"), True),
        (("auto",), True),
    ]
    assert parse_query("th*").clauses == (QueryClause(("th",), prefix=True),)


def test_phrases_are_kept_to_be_verified():
    query = parse_query('"Model  serving" "ray" -"on spark" -機械学習 x')
    assert query.phrases == ("Model  serving",)
    assert query.excluded_phrases == ("on spark", "機械学習")
    assert [clause.words[0] for clause in query.clauses] == ["model", "serving", "ray", "x"]


@pytest.mark.parametrize(
    ("text", "relaxable"),
    [
        ("ray serve", True),
        ("+ray serve", True),
        ('"ray serve"', False),
        ("ray -java", False),
        ('ray -"on spark"', False),
    ],
)
def test_what_says_exactly_what_to_find_is_not_relaxed(text, relaxable):
    assert parse_query(text).relaxable is relaxable


@given(st.one_of(st.text(), st.text(alphabet="\"+-*'\\%_ab :()[]机🚀\u200f\u05d0")))
def test_any_text_is_a_query_or_has_nothing_to_search_for(text):
    query = None
    with suppress(IndexQueryError):
        query = parse_query(text)
    if query is None:
        with pytest.raises(IndexQueryError, match="nothing to search for"):
            parse_query(text)
        return
    assert 1 <= len(query.clauses) <= MOST_CLAUSES
    assert any(clause.role is not X for clause in query.clauses)
    assert all(word for clause in query.clauses for word in clause.words)


@pytest.mark.parametrize(
    "text",
    [
        "word " * 40_000,
        " ".join(f"w{number}" for number in range(40_000)),
        "y " + "-x" * 100_000,
        '"a b" ' * 40_000,
        " ".join(f'"a{number} b"' for number in range(20_000)),
        "機" * 200_000,
        "a." * 100_000,
        "the " * 50_000,
    ],
    ids=lambda text: text[:8],
)
def test_huge_queries_are_cut(text):
    query = parse_query(text)
    assert len(query.clauses) <= MOST_CLAUSES
    assert len(query.phrases) <= MOST_PHRASES
