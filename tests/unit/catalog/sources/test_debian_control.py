"""Control stanzas and dependency lists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyper_registry.catalog.sources.debian_control import (
    Alternative,
    Stanza,
    dependency_groups,
    description_text,
    stanzas,
)
from hyper_registry.catalog.sources.source import BadRow


def _stanzas(data: bytes) -> list[Stanza | BadRow]:
    return list(stanzas(data.splitlines(keepends=True)))


def test_stanzas_are_split_at_blank_lines_and_numbered_by_their_first() -> None:
    assert _stanzas(b"\nPackage: a\nVersion:1\n\n \n# note\nPackage: b\n") == [
        Stanza(2, {"package": "a", "version": "1"}),
        Stanza(7, {"package": "b"}),
    ]


def test_continuation_lines_belong_to_their_field() -> None:
    (stanza,) = _stanzas(b"Description: short\n first\n .\n   indented\nTag: a,\n\tb\n")
    assert isinstance(stanza, Stanza)
    assert stanza.fields == {"description": "short\nfirst\n.\n  indented", "tag": "a,\nb"}


def test_only_line_feeds_end_a_line() -> None:
    (stanza,) = stanzas(["Description: a\u2028b\x0cc\n".encode()])
    assert isinstance(stanza, Stanza)
    assert stanza.fields == {"description": "a\u2028b\x0cc"}


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (b"Package: \xff\n", "the stanza is not valid UTF-8; have its packager correct it"),
        (b"no colon here\n", "the stanza holds a line that is no field: 'no colon here'"),
        (b": nameless\n", "the stanza holds a line that is no field: ': nameless'"),
        (b" starts too early\n", "the stanza starts with a continuation line"),
        (b"Package: a\nPACKAGE: b\n", "the stanza gives the field 'PACKAGE' twice"),
    ],
)
def test_a_broken_stanza_is_named_and_reading_goes_on(block: bytes, reason: str) -> None:
    assert _stanzas(b"Package: a\n\n" + block + b"\nPackage: z\n") == [
        Stanza(1, {"package": "a"}),
        BadRow(3, reason),
        Stanza(4 + block.count(b"\n"), {"package": "z"}),
    ]


@given(st.binary(max_size=80))
def test_any_bytes_are_read(data: bytes) -> None:
    for stanza in _stanzas(data):
        assert isinstance(stanza, BadRow) or stanza.fields


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", ""),
        ("short", "short"),
        ("short\nlong\n.\n * item", "short\n\nlong\n\n * item"),
        ("\nonly long", "only long"),
    ],
)
def test_description_text(value: str, expected: str) -> None:
    assert description_text(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", []),
        ("libc6", [[("libc6", None)]]),
        (
            "libc6 (>= 2.36), mta | exim4",
            [[("libc6", "(>= 2.36)")], [("mta", None), ("exim4", None)]],
        ),
        ("a(<<1:2.0~rc1-3),", [[("a", "(<< 1:2.0~rc1-3)")]]),
        ("python3:any (>= 3.9~), g++", [[("python3", "(>= 3.9~)")], [("g++", None)]]),
        (
            "a (= 1) [amd64 !i386] <!nocheck> <cross>|b:native",
            [[("a", "(= 1)"), ("b", None)]],
        ),
        (" a ,\n b ", [[("a", None)], [("b", None)]]),
    ],
)
def test_dependency_groups(value: str, expected: list[list[tuple[str, str | None]]]) -> None:
    assert list(dependency_groups(value)) == [
        tuple(Alternative(*alternative) for alternative in group) for group in expected
    ]


@pytest.mark.parametrize(
    "value", ["${shlibs:Depends}", "a (2)", "a (>= )", "a |", "a b", "a (>= 1", "-a"]
)
def test_a_malformed_dependency_is_quoted(value: str) -> None:
    with pytest.raises(ValueError, match="is malformed"):
        list(dependency_groups(value))
