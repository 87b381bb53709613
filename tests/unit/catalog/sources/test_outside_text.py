"""Making one-line fields of what other tools wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyper_registry.catalog.sources.outside_text import one_line, person_names
from hyper_registry.domain.text import storable_line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, ""),
        ("", ""),
        ("UNKNOWN", ""),
        (" a \t b\n c ", "a b c"),
        ("a\x00b\x85c\u2028d\ud800e", "a b c d e"),
        ("naïve 日本", "naïve 日本"),
    ],
)
def test_one_line(text: str | None, expected: str) -> None:
    assert one_line(text) == expected


@given(st.text(st.characters(), max_size=50))
def test_one_line_is_empty_or_a_storable_line(text: str) -> None:
    line = one_line(text)
    assert line == "" or storable_line(line) == line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, []),
        ("UNKNOWN", []),
        ("Jane Roe", ["Jane Roe"]),
        ("Jane Roe <jane@example.org>", ["Jane Roe"]),
        ('"Jane Roe" <jane@example.org>', ["Jane Roe"]),
        ('"Roe, Jane" <j@example.org>, Al <al@example.org>', ["Roe, Jane", "Al"]),
        ("jane@example.org", []),
        ("<jane@example.org>", []),
        ("a@example.org, b@example.org", []),
        ("Build Team <team+x@example.org>,", ["Build Team"]),
        ("Ada Example, Inc.", ["Ada Example, Inc."]),
        ("Adam C. Roe, IV <a@example.org>", ["Adam C. Roe, IV"]),
        ("Jane, Jane", ["Jane"]),
        ("The team (with help: https://example.org/people)", ["The team"]),
        ('"Language Tools (Japanese)" <t@example.org>', ["Language Tools (Japanese)"]),
    ],
)
def test_person_names(text: str | None, expected: list[str]) -> None:
    assert person_names(text) == expected


@given(st.text(st.sampled_from('ab@<>",() .:/'), max_size=30))
def test_person_names_never_hold_an_address(text: str) -> None:
    for name in person_names(text):
        assert "@" not in name
        assert storable_line(name) == name
