"""Storable text and JSON, against rules and against collections of hard cases."""

import base64
import json
import math
import os
import unicodedata
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyper_registry.domain.text import (
    MAX_JSON_DEPTH,
    storable_json,
    storable_line,
    storable_text,
)

_CHECKOUT = Path(__file__).parents[3]
_TORTURE = (
    Path(os.environ.get("HYPER_REGISTRY_EVAL_DATA", _CHECKOUT.parent / "shared" / "data"))
    / "torture_text"
)


@pytest.fixture
def torture() -> Path:
    if not _TORTURE.is_dir():
        pytest.skip(f"no {_TORTURE}; name the data's folder in HYPER_REGISTRY_EVAL_DATA")
    return _TORTURE


@pytest.mark.parametrize("text", ["", "a\nb\t\x07", "naïve 日本 🦊", "\u2028\ufffe\U0010ffff"])
def test_storable_text_is_returned_unchanged(text: str) -> None:
    assert storable_text(text) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a\x00b", "holds a NUL character; remove it"),
        ("ab\ud83d", "holds half a surrogate pair at position 2; send whole characters"),
        ("\udc00", "holds half a surrogate pair at position 0; send whole characters"),
        ("\ud83e\udd8a", "holds half a surrogate pair at position 0; send whole characters"),
    ],
)
def test_text_that_cannot_be_stored_is_refused_with_a_remedy(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        storable_text(text)


@given(st.text(st.characters()))
def test_text_is_storable_exactly_if_it_encodes_without_nul(text: str) -> None:
    storable = "\x00" not in text and not any("\ud800" <= c <= "\udfff" for c in text)
    if storable:
        assert storable_text(text).encode().decode() == text
    else:
        with pytest.raises(ValueError, match=r"NUL|surrogate"):
            storable_text(text)


@pytest.mark.parametrize(
    ("text", "line"), [("a", "a"), ("  a b \n", "a b"), ("\u3000é\u3000", "é")]
)
def test_a_line_is_stripped(text: str, line: str) -> None:
    assert storable_line(text) == line


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "\n\t", "\u2028", "a\nb", "a\rb", "a\tb", "a\x7fb", "\x1b[0m", "a\0"),
        *("a\u2028b", "a\u2029b", "a\x85b", "a\x80b", "a\x9fb"),
    ],
)
def test_what_is_not_one_line_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is empty|control character|NUL"):
        storable_line(text)


def _nested(levels: int) -> dict[str, object]:
    value: dict[str, object] = {}
    for _ in range(levels):
        value = {"n": value}
    return value


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"a": None, "b": True, "c": -1.5, "d": "x", "e": [{}, []]},
        {"a": 2**63 - 1, "b": -(2**63 - 1)},
        {"a": 1e308, "b": 5e-324},
        _nested(MAX_JSON_DEPTH),
        {"wide": list(range(10_000))},
    ],
)
def test_storable_json_is_returned_unchanged(value: dict[str, object]) -> None:
    assert storable_json(value) is value  # pyright: ignore[reportArgumentType]  # built from literals


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"a": math.nan}, "NaN or infinity"),
        ({"a": [{"b": -math.inf}]}, "NaN or infinity"),
        ({"a": 2**63}, "beyond 64 bits"),
        ({"a": -(2**64)}, "beyond 64 bits"),
        ({"a": "\x00"}, "NUL"),
        ({"\x00": 1}, "NUL"),
        ({"a": [["\ud800"]]}, "surrogate"),
        ({"a": {"\udfff": 1}}, "surrogate"),
        (_nested(MAX_JSON_DEPTH + 1), "nested deeper than 32 levels"),
        (_nested(900), "nested deeper than 32 levels"),
    ],
)
def test_json_that_cannot_be_stored_is_refused(value: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        storable_json(value)  # pyright: ignore[reportArgumentType]  # built from literals


def _refusal(value: dict[str, object]) -> str:
    """Why a value is refused; empty if it is accepted."""
    try:
        storable_json(value)  # pyright: ignore[reportArgumentType]  # the caller parsed or made JSON
    except ValueError as error:
        return str(error)
    return ""


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=4),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(st.text(st.characters(), max_size=3), children, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(), max_size=3), JSON_VALUES, max_size=3))
def test_json_that_is_accepted_survives_a_round_trip(value: dict[str, object]) -> None:
    if not _refusal(value):
        assert orjson.loads(orjson.dumps(value)) == value


def _not_in_a_line(text: str) -> bool:
    return any(unicodedata.category(c) in {"Cc", "Zl", "Zp"} for c in text)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_a_line_is_what_every_reader_takes_for_one(text: str) -> None:
    try:
        line = storable_line(text)
    except ValueError:
        assert not text.strip() or _not_in_a_line(text.strip())
    else:
        assert line.splitlines() == [line]


def test_naughty_strings(torture: Path) -> None:
    strings: list[str] = json.loads((torture / "blns.json").read_bytes())
    assert len(strings) == 485
    for text in strings:
        assert storable_text(text) == text
        try:
            line = storable_line(text)
        except ValueError:
            assert not text.strip() or _not_in_a_line(text)
        else:
            assert line == text.strip()
            assert not _not_in_a_line(line)


def test_invalid_utf_8_is_never_storable(torture: Path) -> None:
    refused = 0
    for raw in (torture / "UTF-8-test.bin").read_bytes().split(b"\n"):
        text = raw.decode(errors="surrogateescape")
        try:
            raw.decode()
        except UnicodeDecodeError:
            refused += 1
            with pytest.raises(ValueError, match="surrogate"):
                storable_text(text)
        else:
            assert "\x00" in text or storable_text(text) == text
    assert refused == 68


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("unicode_normalization.jsonl", 19_000),
        ("unicode_breaks.jsonl", 2_400),
        ("emoji.jsonl", 4_700),
    ],
)
def test_unicode_is_kept_as_it_was_sent(torture: Path, name: str, least: int) -> None:
    records = [json.loads(line) for line in (torture / name).read_text("utf-8").split("\n") if line]
    assert len(records) >= least
    for record in records:
        assert storable_json(record) is record
        assert orjson.loads(orjson.dumps(record)) == record


def test_parser_cases_are_stored_equal_or_refused(torture: Path) -> None:
    accepted = 0
    for line in (torture / "json_test_suite.jsonl").read_text("utf-8").split("\n"):
        case = json.loads(line or "{}")
        # The two largest cases are named there without their bytes.
        if not case.get("bytes_b64"):
            continue
        try:
            value = {"case": json.loads(base64.b64decode(case["bytes_b64"]))}
        except (ValueError, RecursionError):
            assert case["expect"] != "accept", case["name"]
            continue
        refusal = _refusal(value)
        if refusal:
            assert refusal.startswith(("holds", "is nested")), case["name"]
        else:
            accepted += 1
            assert orjson.loads(orjson.dumps(value)) == value, case["name"]
    assert accepted > 100


def test_no_character_that_ends_or_hides_a_line_is_in_a_line() -> None:
    control = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cc"]
    for character in [*control, "\u2028", "\u2029"]:
        with pytest.raises(ValueError, match=r"NUL|control character"):
            storable_line(f"a{character}b")
