# ruff: noqa: E501  # a rule a line is what one can read
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hyper_registry.domain.metadata_schema import MetadataSchema
from hyper_registry.domain.schema_compatibility import CompatibilityMode, breaks, incompatibilities

INT, STR, NUM = {"type": "integer"}, {"type": "string"}, {"type": "number"}


def _object(*required: str, closed: bool = False, **properties: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list(required)
    return schema | ({"additionalProperties": False} if closed else {})


# What was, what is, where old documents may not fit, where new ones may not fit the old schema.
RULES: list[tuple[str, dict, dict, list[str], list[str]]] = [
    ("the same", _object(a=INT), _object(a=INT), [], []),
    ("wider type", INT, NUM, [], [""]),
    ("other type", INT, STR, [""], [""]),
    ("one type more", INT, {"type": ["integer", "null"]}, [], [""]),
    ("property declared", _object(), _object(a=INT), ["/a"], []),
    ("property declared in a closed object", _object(closed=True), _object(closed=True, a=INT), [], ["/a"]),
    ("property no longer declared", _object(a=INT), _object(), [], ["/a"]),
    ("required now", _object(a=INT), _object("a", a=INT), ["/a"], []),
    ("optional now", _object("a", a=INT), _object(a=INT), [], ["/a"]),
    ("closed now", _object(a=INT), _object(a=INT, closed=True), ["/*"], []),
    ("extras typed", {"type": "object"}, {"type": "object", "additionalProperties": STR}, ["/*"], []),
    ("value added to an enum", {"enum": ["a"]}, {"enum": ["a", "b"]}, [], [""]),
    ("enum of strings becomes string", {"enum": ["a"]}, STR, [], [""]),
    ("const within an enum", {"const": 1}, {"enum": [1, 2]}, [], [""]),
    ("boolean is finite", {"type": "boolean"}, {"enum": [True, False]}, [], []),
    ("longer allowed", STR | {"maxLength": 5}, STR | {"maxLength": 9}, [], [""]),
    ("shorter allowed", STR | {"minLength": 5}, STR | {"minLength": 2}, [], [""]),
    ("bound made exclusive", INT | {"minimum": 1}, INT | {"exclusiveMinimum": 1}, [""], []),
    ("bound dropped", INT | {"maximum": 1}, INT, [], [""]),
    ("multiple of a multiple", INT | {"multipleOf": 6}, INT | {"multipleOf": 3}, [], [""]),
    ("pattern changed", STR | {"pattern": "a"}, STR | {"pattern": "b"}, [""], [""]),
    ("format added", STR, STR | {"format": "date"}, [""], []),
    ("bounds of another type", STR, STR | {"minimum": 5, "minItems": 2}, [], []),
    ("nested", _object(a=_object(b=INT)), _object(a=_object(b=NUM)), [], ["/a/b"]),
    ("items", {"type": "array", "items": INT}, {"type": "array", "items": NUM}, [], ["/*"]),
    ("tuple", {"type": "array", "prefixItems": [INT]}, {"type": "array", "prefixItems": [NUM]}, [], ["/0"]),
    ("distinct now", {"type": "array"}, {"type": "array", "uniqueItems": True}, [""], []),
    ("a branch more", {"anyOf": [INT, STR]}, {"anyOf": [INT, STR, {"type": "null"}]}, [], [""]),
    ("split into allOf", _object("a", a=INT), {"allOf": [_object(a=INT), {"required": ["a"]}]}, [], []),
    ("by reference", _object(a=INT), {"$defs": {"n": NUM}, **_object(a={"$ref": "#/$defs/n"})}, [], ["/a"]),
    ("not changed", {"not": INT}, {"not": STR}, [""], [""]),
    ("names by pattern", _object(x_a=INT), {"type": "object", "patternProperties": {"^x_": INT}}, ["/*"], []),
    ("title and default", _object(a=INT), _object(a=INT | {"title": "A", "default": 1}), [], []),
    ("nothing becomes something", {"not": {}}, INT, [""], [""]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "back", "forth"), [rule[1:] for rule in RULES], ids=[rule[0] for rule in RULES])  # fmt: skip
def test_the_rules(old: dict, new: dict, back: list[str], forth: list[str]) -> None:
    assert [place.pointer for place in breaks(old, new)] == back
    assert [place.pointer for place in breaks(new, old)] == forth
    for mode, expected in (
        (CompatibilityMode.NONE, []),
        (CompatibilityMode.BACKWARD, back),
        (CompatibilityMode.FORWARD, forth),
        (CompatibilityMode.FULL, back + forth),
    ):
        assert [place.pointer for place in incompatibilities(old, new, mode)] == expected


def test_recursive_schemas_are_compared_to_their_end() -> None:
    def tree(value: dict) -> dict:
        return _object("value", value=value, children={"type": "array", "items": {"$ref": "#"}})

    assert breaks(tree(INT), tree(NUM)) == ()
    assert breaks(tree(NUM), tree(INT))[0].pointer == "/value"


def test_a_reference_whose_target_changed_is_not_taken_for_equal() -> None:
    def negated(part: dict) -> dict:
        return {"$defs": {"n": part}, "not": {"$ref": "#/$defs/n"}}

    assert breaks(negated(INT), negated(STR))


_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 12), st.sampled_from([0.5, 2.0, 6.5]),
    st.sampled_from(["", "a", "ab", "abc", "x_1", "2026-01-01"]),
)  # fmt: skip
_NAMES = st.sampled_from(["a", "b", "x_c"])
DOCUMENTS = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=6,
)


def _schemas(inner: st.SearchStrategy) -> st.SearchStrategy:
    some = st.lists(inner, min_size=1, max_size=2)
    types = ["null", "boolean", "integer", "number", "string", "array", "object"]
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(types) | st.lists(st.sampled_from(types), min_size=1, unique=True),
            "enum": st.lists(_SCALARS, min_size=1, max_size=3, unique_by=repr),
            "const": _SCALARS,
            "properties": st.dictionaries(_NAMES, inner, max_size=2),
            "patternProperties": st.dictionaries(st.sampled_from(["^x_", "[ab]"]), inner, max_size=2),
            "additionalProperties": st.booleans() | inner,
            "required": st.lists(_NAMES, unique=True, max_size=2),
            "minimum": st.integers(-2, 6),
            "exclusiveMaximum": st.integers(0, 9),
            "multipleOf": st.sampled_from([1, 2, 3, 6]),
            "minLength": st.integers(0, 2),
            "maxLength": st.integers(0, 3),
            "pattern": st.sampled_from(["^a", "b$"]),
            "format": st.just("date"),
            "items": inner,
            "prefixItems": some,
            "minItems": st.integers(0, 2),
            "maxItems": st.integers(0, 3),
            "uniqueItems": st.booleans(),
            "maxProperties": st.integers(0, 2),
            "allOf": some,
            "anyOf": some,
            "oneOf": some,
            "not": inner,
            "if": inner,
            "then": inner,
            "unevaluatedProperties": st.booleans(),
        },
    ).map(lambda schema: dict(list(schema.items())[:4]))  # fmt: skip


def _assert_sound(old: dict, new: dict, documents: list) -> None:
    assume(not breaks(old, new))
    giving, asking = MetadataSchema(old), MetadataSchema(new)
    for document in documents:
        if not giving.faults(document):
            assert asking.faults(document) == (), (old, new, document)


SCHEMAS = st.recursive(st.just({}) | st.just(INT) | st.just(STR), _schemas, max_leaves=4)


@settings(max_examples=400, deadline=None)
@given(SCHEMAS, SCHEMAS, st.lists(DOCUMENTS, min_size=1, max_size=12))
def test_what_is_declared_to_fit_does_fit(old: dict, new: dict, documents: list) -> None:
    _assert_sound(old, new, documents)


@settings(max_examples=300, deadline=None)
@given(SCHEMAS, st.data(), st.lists(DOCUMENTS, min_size=1, max_size=12))
def test_a_schema_with_one_keyword_changed_is_judged_soundly(
    old: dict, data: st.DataObject, documents: list
) -> None:
    new = old | data.draw(_schemas(st.just({}) | st.just(INT)))
    _assert_sound(old, new, documents)


@settings(max_examples=200, deadline=None)
@given(SCHEMAS)
def test_every_schema_fits_itself(schema: dict) -> None:
    assert breaks(schema, dict(schema)) == ()
