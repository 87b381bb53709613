import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyper_registry.search.highlight import highlight


@pytest.mark.parametrize(
    ("text", "query", "shown"),
    [
        ("Reads files.", "file reader", "**Reads** **files**."),
        ("Nothing here.", "rain", "Nothing here."),
        ("Two\nlines  of text", "lines", "Two **lines** of text"),
        ("", "rain", ""),
        ("A file is a thing.", "read a file", "A **file** is a thing."),
        ("Go is a language.", "go", "**Go** is a language."),
        ("Ünïcode wörter", "WÖRTER", "Ünïcode **wörter**"),
    ],
)
def test_words_of_the_query_are_marked(text: str, query: str, shown: str):
    assert highlight(text, query) == shown


def test_a_long_text_is_cut_around_the_first_marked_word():
    text = "word " * 200 + "needle " + "word " * 200
    shown = highlight(text, "needle", width=80)
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert "**needle**" in shown
    assert len(shown) <= 80 + len("……****")


@given(st.text(max_size=400), st.text(max_size=40))
def test_marks_add_nothing_but_themselves(text: str, query: str):
    shown = highlight(text.replace("*", ""), query.replace("*", ""), width=100)
    plain = " ".join(text.replace("*", "").split())
    assert shown.replace("**", "").removeprefix("…").removesuffix("…") in plain or "…" in plain
