import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyper_registry.domain.errors.types import SealedFieldError
from hyper_registry.domain.sealing import (
    PLACEHOLDER,
    SEALED,
    KeyRing,
    envelopes,
    has,
    opened,
    outermost,
    placeholders,
    sealed,
    shown,
)

FIRST, SECOND = ("first", b"1" * 32), ("second", b"2" * 32)
RING = KeyRing([FIRST])
CLEAR = {"user": "u", "login": {"password": "s3cret"}, "tokens": [{"v": "t0"}, {"v": "t1"}]}
PLACES = ["/login/password", "/tokens/1/v"]


def test_stored_metadata_shows_placeholders_and_opens_to_what_it_was() -> None:
    stored = sealed(RING, "e", CLEAR, PLACES)
    assert shown(stored) == {
        "user": "u",
        "login": {"password": PLACEHOLDER},
        "tokens": [{"v": "t0"}, {"v": PLACEHOLDER}],
    }
    assert "s3cret" not in str(stored)
    assert opened(RING, "e", stored) == CLEAR
    assert CLEAR["login"] == {"password": "s3cret"}


def test_a_sealed_value_opens_at_no_other_place_and_in_no_other_entry() -> None:
    stored = sealed(RING, "e", CLEAR, PLACES)
    with pytest.raises(SealedFieldError, match="changed or moved"):
        opened(RING, "f", stored)
    values = envelopes(stored)
    swapped = stored | {SEALED: dict(zip(values, reversed(values.values()), strict=True))}
    with pytest.raises(SealedFieldError, match="changed or moved"):
        opened(RING, "e", swapped)


def test_the_same_value_is_sealed_differently_each_time() -> None:
    twice = [RING.seal("e", "/a", "s3cret") for _ in range(2)]
    assert twice[0]["value"] != twice[1]["value"]
    assert twice[0]["nonce"] != twice[1]["nonce"]


def test_the_first_key_seals_and_all_open() -> None:
    stored = sealed(RING, "e", CLEAR, PLACES)
    both = KeyRing([SECOND, FIRST])
    assert opened(both, "e", stored) == CLEAR
    assert sealed(both, "e", CLEAR, ["/user"])[SEALED]["/user"]["key"] == "second"
    with pytest.raises(SealedFieldError, match="'first', which is not configured"):
        opened(KeyRing([SECOND]), "e", stored)


def test_checksums_need_the_key() -> None:
    assert RING.checksum(b"x", "first") == KeyRing([SECOND, FIRST]).checksum(b"x", "first")
    assert RING.checksum(b"x", "first") != KeyRing([("first", b"3" * 32)]).checksum(b"x", "first")
    assert RING.checksum(b"x", "second") is None


@pytest.mark.parametrize(
    "keys", [[], [FIRST, FIRST], [("short", b"x" * 31)]], ids=["none", "twice", "short"]
)
def test_a_ring_needs_proper_keys(keys: list[tuple[str, bytes]]) -> None:
    with pytest.raises(ValueError, match="key"):
        KeyRing(keys)


@pytest.mark.parametrize(
    "forged",
    [
        {SEALED: {"/a": {"key": "first", "nonce": "", "value": ""}}},
        {SEALED: True},
        {"a": {SEALED: False}},
        {"a": {SEALED: 1}},
        {"a": {SEALED: True, "more": 1}},
        {"a": [{"b": {SEALED: {}}}]},
    ],
    ids=str,
)
def test_input_cannot_use_the_reserved_name(forged: dict) -> None:
    with pytest.raises(SealedFieldError, match="reserved"):
        placeholders(forged)


def test_placeholders_are_found_at_any_depth() -> None:
    metadata = {"a/b": PLACEHOLDER, "c": [1, {"d": dict(PLACEHOLDER)}]}
    assert placeholders(metadata) == ["/a~1b", "/c/1/d"]


def test_a_place_has_one_form() -> None:
    assert has({"a": [1, 2]}, "/a/1")
    assert not has({"a": [1, 2]}, "/a/01")
    assert not has({"a": [1, 2]}, "/a/2")
    assert not has({"a": [1, 2]}, "/a/²")
    assert not has({"a": 1}, "/a/b")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~", max_size=2), inner),
    max_leaves=8,
)


def _all_places(node: object, pointer: str = "") -> list[str]:
    if isinstance(node, dict):
        inner = {name.replace("~", "~0").replace("/", "~1"): v for name, v in node.items()}
    elif isinstance(node, list):
        inner = dict(enumerate(node))
    else:
        inner = {}
    below = [p for name, value in inner.items() for p in _all_places(value, f"{pointer}/{name}")]
    return ([pointer] if pointer else []) + below


@given(st.dictionaries(st.text("ab/~", max_size=2), JSON, min_size=1), st.data())
def test_whatever_is_sealed_opens(clear: dict, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.sampled_from(_all_places(clear)), min_size=1))
    stored = sealed(RING, "e", clear, places)
    assert opened(RING, "e", stored) == clear
    assert sorted(envelopes(stored)) == outermost(places)
    assert set(placeholders(shown(stored))) == set(outermost(places))
