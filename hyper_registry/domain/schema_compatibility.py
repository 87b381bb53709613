"""Whether all documents that fit one JSON Schema fit another one, and if not, where and why.

A change of a schema is *backward* compatible when the new schema accepts every document of the
old one, *forward* compatible when the old schema accepts every document of the new one, and
*fully* compatible when both hold.

The rules are sound rather than complete: no break is reported only where the inclusion is
certain. What cannot be decided is reported as a break that says so.

=====================  =================================================================
keyword asked          fits when the giving schema …
=====================  =================================================================
type                   allows no further type (``integer`` is a ``number``)
enum, const            has only values that the asking schema accepts: each is tried
required               requires those properties, too
properties             gives each of them a schema that fits
additionalProperties   gives what the asking schema does not declare one that fits
patternProperties      gives the properties that a pattern can meet one that fits
minimum, maxLength …   has a bound at least as tight
multipleOf             asks the same, or an integer multiple of it
pattern, format        has the same: formats are checked here
items, prefixItems     gives each position a schema that fits
uniqueItems            asks it, too
allOf, $ref            fits each part
anyOf                  fits one branch, or has branches that each fit one
all others             has the same keyword with the same value
=====================  =================================================================
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

import orjson

from hyper_registry.domain.errors.types import InvalidSchemaError
from hyper_registry.domain.metadata_schema import MetadataSchema, escaped, meets, referred

Schema = dict[str, Any] | bool

_TYPES = frozenset({"null", "boolean", "object", "array", "number", "string", "integer"})
_LOWER = {"minLength": "string", "minItems": "array", "minProperties": "object"}
_UPPER = {"maxLength": "string", "maxItems": "array", "maxProperties": "object"}
_EQUAL = {"pattern": "string", "format": "string"}
# They ask nothing of a document, or are read together with another keyword.
_SILENT = frozenset(
    {
        "$schema", "$comment", "$defs", "$ref", "allOf", "title", "description", "default",
        "examples", "deprecated", "readOnly", "writeOnly", "contentEncoding", "contentMediaType",
        "contentSchema", "x-sensitive",
    }
)  # fmt: skip
# What subsumes nothing but itself, and what must then be the same beside it.
_WHOLE = {
    "oneOf": (), "not": (), "if": ("then", "else"), "then": ("if",), "else": ("if",),
    "contains": ("minContains", "maxContains"), "minContains": ("contains",),
    "maxContains": ("contains",), "propertyNames": (), "dependentRequired": (),
    "dependentSchemas": (),
}  # fmt: skip
_TOGETHER = (
    ("properties", "patternProperties", "additionalProperties"),
    ("prefixItems", "items"),
    ("if", "then", "else"),
    ("contains", "minContains", "maxContains"),
)
_MAX_STEPS = 20_000


class CompatibilityMode(StrEnum):
    """What a new version of a schema owes to the one before it."""

    NONE = "none"
    BACKWARD = "backward"
    FORWARD = "forward"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Break:
    """A place at which documents of one schema may not fit the other.

    Attributes
    ----------
    pointer
        JSON pointer into the document that a schema describes; ``*`` stands for any name or
        position.
    reason
        What the asking schema wants there, and does not get.
    """

    pointer: str
    reason: str


def incompatibilities(
    old: dict[str, Any], new: dict[str, Any], mode: CompatibilityMode
) -> tuple[Break, ...]:
    """Return what breaks `mode` when `new` takes the place of `old`.

    Examples
    --------
    >>> old, new = {"type": "integer"}, {"type": "number"}
    >>> incompatibilities(old, new, CompatibilityMode.BACKWARD)
    ()
    >>> incompatibilities(old, new, CompatibilityMode.FORWARD)[0].reason
    'may be of type number, of which only integer is accepted'
    """
    backward = mode in {CompatibilityMode.BACKWARD, CompatibilityMode.FULL}
    forward = mode in {CompatibilityMode.FORWARD, CompatibilityMode.FULL}
    found = breaks(old, new) if backward else ()
    return found + (breaks(new, old) if forward else ())


def breaks(given: dict[str, Any], asked: dict[str, Any]) -> tuple[Break, ...]:
    """Return why a document that fits `given` might not fit `asked`; empty if all do."""
    if given == asked:
        return ()
    found = _Inclusion(given, asked).breaks(given, asked, "")
    return tuple(dict.fromkeys(found))


class _Inclusion:
    """One comparison of two documents of schemas.

    A pair of subschemas that is met again below itself counts as fitting: a document is finite,
    and each step of the recursion goes down in it.
    """

    def __init__(self, given_root: dict[str, Any], asked_root: dict[str, Any]) -> None:
        self._given_root = given_root
        self._asked_root = asked_root
        self._open: set[tuple[int, int]] = set()
        self._steps = 0
        self._same_definitions = given_root.get("$defs") == asked_root.get("$defs")

    def breaks(self, given: Schema, asked: Schema, at: str) -> list[Break]:
        if asked is True or asked == {} or given is False or self._equal(given, asked):
            return []
        if asked is False:
            return [Break(at, "is not accepted at all")]
        self._steps += 1
        if self._steps > _MAX_STEPS:
            return [Break(at, "cannot be compared: the schemas are too intricate")]
        pair = (id(given), id(asked))
        if pair in self._open:
            return []
        self._open.add(pair)
        try:
            giving = list(_conjuncts(self._given_root, {} if given is True else given))
            return [
                found
                for part in _conjuncts(self._asked_root, asked)
                for piece in _pieces(part)
                for found in self._any_gives(giving, piece, at)
            ]
        finally:
            self._open.discard(pair)

    def _any_gives(self, giving: list[Schema], asked: Schema, at: str) -> list[Break]:
        """Return the breaks of the best part: a document fits all parts, so one is enough."""
        first: list[Break] | None = None
        for part in giving:
            found = self._part(part, asked, at)
            if not found:
                return []
            first = found if first is None else first
        return first or []

    def _part(self, given: Schema, asked: Schema, at: str) -> list[Break]:
        if isinstance(asked, bool) or isinstance(given, bool):
            if asked is True or given is False:
                return []
            if asked is False:
                return [Break(at, "is not accepted at all")]
        given_, asked_ = _plain(given), _plain(asked)
        finite = _values(given_)
        if finite is not None:
            return self._try_each(finite, given_, asked, at)
        direct = list(self._keywords(given_, asked_, at))
        branches = cast("list[Schema]", given_.get("anyOf") or given_.get("oneOf") or [])
        if direct and branches and all(not self.breaks(b, asked, at) for b in branches):
            return []
        return direct

    def _try_each(
        self, values: Iterable[object], given: dict[str, Any], asked: Schema, at: str
    ) -> list[Break]:
        giving = _validator(given, self._given_root)
        asking = _validator(asked, self._asked_root)
        if giving is None or asking is None:
            return [Break(at, "cannot be compared")]
        return [
            Break(at, f"may be {_shown(value)}, which is not accepted")
            for value in values
            if not giving.faults(value) and asking.faults(value)
        ]

    def _keywords(self, given: dict[str, Any], asked: dict[str, Any], at: str) -> Iterator[Break]:
        types, wanted = _types(given), _types(asked)
        further = sorted(types - wanted)
        if further:
            names = ", ".join(sorted(_named(wanted))) or "nothing"
            shown = ", ".join(sorted(_named(frozenset(further))))
            yield Break(at, f"may be of type {shown}, of which only {names} is accepted")
            return
        for keyword, value in asked.items():
            if keyword in {"enum", "const"}:
                yield Break(at, "may have any value, of which only some are accepted")
            elif keyword in {"unevaluatedProperties", "unevaluatedItems"}:
                # What is left over depends on everything around it.
                yield Break(at, f"{keyword} stands in a changed schema and cannot be compared")
            elif keyword in _WHOLE:
                yield from self._same(given, asked, keyword, at)
            elif keyword == "anyOf":
                yield from self._one_of_branches(given, cast("list[Schema]", value), at)
        yield from _bounds(types, given, asked, at)
        if "object" in types:
            yield from self._object(given, asked, at)
        if "array" in types:
            yield from self._array(given, asked, at)

    def _same(
        self, given: dict[str, Any], asked: dict[str, Any], keyword: str, at: str
    ) -> Iterator[Break]:
        words = (keyword, *_WHOLE[keyword])
        if not all(self._equal(given.get(word), asked.get(word)) for word in words):
            yield Break(at, f"{keyword} was changed, whose effect cannot be compared")

    def _equal(self, given: object, asked: object) -> bool:
        """Whether two parts mean the same because they, and what they refer to, read the same."""
        if given != asked:
            return False
        text = orjson.dumps(asked)
        references = text.count(b'"$ref"')
        return not references or (
            self._same_definitions and references == text.count(b'"$ref":"#/$defs/')
        )

    def _one_of_branches(
        self, given: dict[str, Any], branches: list[Schema], at: str
    ) -> Iterator[Break]:
        if any(not self.breaks(given, branch, at) for branch in branches):
            return
        giving = cast("list[Schema]", given.get("anyOf") or given.get("oneOf") or [])
        if giving and all(
            any(not self.breaks(part, branch, at) for branch in branches) for part in giving
        ):
            return
        yield Break(at, "may fit no branch of anyOf")

    def _object(self, given: dict[str, Any], asked: dict[str, Any], at: str) -> Iterator[Break]:
        required = set(given.get("required", ()))
        for name in asked.get("required", ()):
            if name not in required:
                yield Break(f"{at}/{escaped(name)}", "is required, and may be missing")
        given_named = cast("dict[str, Schema]", given.get("properties", {}))
        asked_named = cast("dict[str, Schema]", asked.get("properties", {}))
        given_patterns = cast("dict[str, Schema]", given.get("patternProperties", {}))
        asked_patterns = cast("dict[str, Schema]", asked.get("patternProperties", {}))
        others = cast("Schema", asked.get("additionalProperties", True))
        for name in given_named | asked_named:
            wanted = [schema for pattern, schema in asked_patterns.items() if meets(pattern, name)]
            if name in asked_named:
                wanted.append(asked_named[name])
            for schema in wanted or [others]:
                yield from self.breaks(_property(given, name), schema, f"{at}/{escaped(name)}")
        # From here on: the names that neither side declares.
        rest = cast("Schema", given.get("additionalProperties", True))
        giving = [rest, *given_patterns.values()]
        for pattern, schema in asked_patterns.items():
            same = given_patterns.get(pattern)
            for part in giving if same is None else [same]:
                yield from self.breaks(part, schema, f"{at}/*")
        for pattern, part in given_patterns.items():
            if pattern not in asked_patterns:
                yield from self.breaks(part, others, f"{at}/*")
        yield from self.breaks(rest, others, f"{at}/*")

    def _array(self, given: dict[str, Any], asked: dict[str, Any], at: str) -> Iterator[Break]:
        given_prefix = cast("list[Schema]", given.get("prefixItems", []))
        asked_prefix = cast("list[Schema]", asked.get("prefixItems", []))
        given_rest = cast("Schema", given.get("items", True))
        asked_rest = cast("Schema", asked.get("items", True))
        for number in range(max(len(given_prefix), len(asked_prefix))):
            if number >= given.get("maxItems", number + 1):
                break
            part = given_prefix[number] if number < len(given_prefix) else given_rest
            wanted = asked_prefix[number] if number < len(asked_prefix) else asked_rest
            yield from self.breaks(part, wanted, f"{at}/{number}")
        yield from self.breaks(given_rest, asked_rest, f"{at}/*")
        if asked.get("uniqueItems") is True and given.get("uniqueItems") is not True:
            yield Break(at, "must have distinct items, and may repeat one")


def _bounds(
    types: frozenset[str], given: dict[str, Any], asked: dict[str, Any], at: str
) -> Iterator[Break]:
    for keyword, kind in _LOWER.items():
        if keyword in asked and kind in types and given.get(keyword, 0) < asked[keyword]:
            yield Break(at, f"must have {keyword} {asked[keyword]}, and may have less")
    for keyword, kind in _UPPER.items():
        bound = given.get(keyword)
        if keyword in asked and kind in types and (bound is None or bound > asked[keyword]):
            yield Break(at, f"must have {keyword} {asked[keyword]}, and may have more")
    for keyword, kind in _EQUAL.items():
        if keyword in asked and kind in types and given.get(keyword) != asked[keyword]:
            yield Break(at, f"must have the {keyword} {asked[keyword]!r}, which is not given")
    if not types & {"integer", "fraction"}:
        return
    for sign, inclusive, exclusive in (
        (1, "minimum", "exclusiveMinimum"),
        (-1, "maximum", "exclusiveMaximum"),
    ):
        wanted = _tightest(asked, inclusive, exclusive, sign)
        bound = _tightest(given, inclusive, exclusive, sign)
        if wanted is not None and (bound is None or bound < wanted):
            yield Break(at, f"must have {inclusive} {sign * wanted[0]}, and may be beyond")
    if "multipleOf" in asked and not _multiple(types, given.get("multipleOf"), asked["multipleOf"]):
        yield Break(at, f"must be a multiple of {asked['multipleOf']}, which is not given")


def _tightest(
    schema: dict[str, Any], inclusive: str, exclusive: str, sign: int
) -> tuple[float, bool] | None:
    """Return the tighter one of two bounds, as what is greater for a lower bound."""
    bounds = [
        (sign * schema[keyword], keyword == exclusive)
        for keyword in (inclusive, exclusive)
        if keyword in schema
    ]
    return max(bounds, default=None)


def _multiple(types: frozenset[str], given: float | None, asked: float) -> bool:
    if given == asked or (asked == 1 and "fraction" not in types):
        return True
    return isinstance(given, int) and isinstance(asked, int) and given % asked == 0


def _conjuncts(root: dict[str, Any], schema: Schema) -> Iterator[Schema]:
    """Yield the parts that a document must all fit: the schema, its allOf and its $ref."""
    yield schema
    if isinstance(schema, bool):
        return
    for part in schema.get("allOf", ()):
        yield from _conjuncts(root, part)
    if isinstance(schema.get("$ref"), str):
        yield from _conjuncts(root, cast("Schema", referred(root, schema["$ref"])))


def _pieces(schema: Schema) -> Iterator[Schema]:
    """Yield the schema keyword by keyword, so that each can be given by another part.

    Those that are read together stay together.
    """
    rest = dict(_plain(schema))
    for together in _TOGETHER:
        piece = {keyword: rest.pop(keyword) for keyword in together if keyword in rest}
        if piece:
            yield piece
    for keyword, value in rest.items():
        yield {keyword: value}


def _plain(schema: Schema) -> dict[str, Any]:
    """Return the schema without the parts that `_conjuncts` yields by themselves."""
    if isinstance(schema, bool):
        return {} if schema else {"not": {}}
    return {key: value for key, value in schema.items() if key not in _SILENT}


def _types(schema: dict[str, Any]) -> frozenset[str]:
    """Return the types allowed, where a number is an integer or a fraction."""
    named = schema.get("type", sorted(_TYPES))
    allowed = {named} if isinstance(named, str) else set(cast("list[str]", named))
    if "number" in allowed:
        allowed = (allowed - {"number"}) | {"integer", "fraction"}
    return frozenset(allowed)


def _named(types: frozenset[str]) -> set[str]:
    if "fraction" not in types:
        return set(types)
    return (set(types) - {"fraction", "integer"}) | {"number"}


def _values(schema: dict[str, Any]) -> list[object] | None:
    """Return all values that can fit, if they are listed; None if there may be others."""
    if "const" in schema:
        return [schema["const"]]
    if "enum" in schema:
        return list(schema["enum"])
    types = _types(schema)
    if types <= {"null", "boolean"}:
        return [value for value in (None, False, True) if _type_of(value) in types]
    return None


def _type_of(value: bool | None) -> str:  # noqa: FBT001  # a value of a document, not an option
    return "null" if value is None else "boolean"


def _property(schema: dict[str, Any], name: str) -> Schema:
    """Return a schema that each value of this property fits; one of several is enough."""
    declared = cast("dict[str, Schema]", schema.get("properties", {}))
    if name in declared:
        return declared[name]
    for pattern, part in cast("dict[str, Schema]", schema.get("patternProperties", {})).items():
        if meets(pattern, name):
            return part
    return cast("Schema", schema.get("additionalProperties", True))


def _validator(schema: Schema, root: dict[str, Any]) -> MetadataSchema | None:
    try:
        if isinstance(schema, bool):
            return MetadataSchema({} if schema else {"not": {}})
        # A subschema by itself, with the definitions that it may refer to.
        return MetadataSchema({**schema, "$defs": root.get("$defs", {})})
    except InvalidSchemaError:
        return None


def _shown(value: object) -> str:
    return orjson.dumps(value).decode()[:80]
