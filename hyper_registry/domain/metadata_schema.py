"""Schemas of metadata: JSON Schema draft 2020-12, without network and without slow patterns.

Patterns run in an engine whose time is linear in the text, so none can be made to take long; what
that engine lacks (look-around, back references) is refused when the schema is stored.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import jsonschema_rs
import orjson

from hyper_registry.domain.errors.types import InvalidSchemaError

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_SCHEMA_BYTES = 65_536
MAX_SCHEMA_NODES = 5_000
MAX_SCHEMA_DEPTH = 32
MAX_PATTERN_CHARACTERS = 500
MAX_FAULTS = 20
SENSITIVE = "x-sensitive"

_PATTERNS = jsonschema_rs.RegexOptions(size_limit=1_000_000, dfa_size_limit=1_000_000)
# They change what a reference means, or reach beyond the document.
_REFUSED = ("$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$vocabulary")

# Where subschemas stand: directly, in a list, or by name.
DIRECT = frozenset(
    {
        "additionalProperties", "propertyNames", "items", "contains", "not", "if", "then", "else",
        "unevaluatedItems", "unevaluatedProperties",
    }
)  # fmt: skip
LISTED = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
NAMED = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs"})
# They apply to the same instance as the schema around them.
_IN_PLACE = ("allOf", "anyOf", "oneOf", "$ref", "if", "then", "else", "dependentSchemas")


@dataclass(frozen=True, slots=True)
class MetadataFault:
    """What is wrong with one place of a document.

    Attributes
    ----------
    pointer
        JSON pointer (RFC 6901) of the place.
    detail
        What the schema asks there; the value itself is never repeated.
    """

    pointer: str
    detail: str


class MetadataSchema:
    """A checked schema, ready to validate.

    Raises
    ------
    InvalidSchemaError
        If it is no schema of draft 2020-12, is too large, refers to anything outside of itself, or
        has a pattern that the engine cannot match in linear time.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        _check(document)
        self.document = document
        try:
            self._validator = jsonschema_rs.Draft202012Validator(
                document,
                pattern_options=_PATTERNS,
                mask="the value",
                offline=True,
                validate_formats=True,
            )
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
            reason = getattr(error, "message", str(error))
            pointer = json_pointer(getattr(error, "instance_path", []))
            raise InvalidSchemaError(pointer, str(reason).splitlines()[0]) from error
        self.marks_sensitive = f'"{SENSITIVE}":true'.encode() in orjson.dumps(document)

    def faults(self, document: object) -> tuple[MetadataFault, ...]:
        """Return the first faults of a document, none if it is valid."""
        # The first question takes a fraction of the time of the second.
        if self._validator.is_valid(document):
            return ()
        found: list[MetadataFault] = []
        for error in self._validator.iter_errors(document):
            found.append(MetadataFault(json_pointer(error.instance_path), error.message))
            if len(found) == MAX_FAULTS:
                break
        return tuple(found)

    def sensitive_pointers(self, document: object) -> set[str]:
        """Return where the document holds what the schema marks with ``"x-sensitive": true``."""
        return set(_sensitive(self.document, self.document, document, ""))


@lru_cache(maxsize=512)
def compiled(serialized: bytes) -> MetadataSchema:
    """Return the schema that `serialized` holds as JSON; equal texts share one.

    Raises
    ------
    InvalidSchemaError
        See `MetadataSchema`.
    """
    return MetadataSchema(orjson.loads(serialized))


@lru_cache(maxsize=4_096)
def meets(pattern: str, text: str) -> bool:
    """Whether a text meets a pattern, by the engine that validates."""
    return not MetadataSchema({"pattern": pattern}).faults(text)


def json_pointer(path: "list[str | int]") -> str:
    """Return a path as an RFC 6901 pointer.

    Examples
    --------
    >>> json_pointer(["a/b", 0])
    '/a~1b/0'
    """
    return "".join(f"/{escaped(str(part))}" for part in path)


def escaped(part: str) -> str:
    """Escape one part of a JSON pointer."""
    return part.replace("~", "~0").replace("/", "~1")


def pointer_parts(pointer: str) -> list[str]:
    """Return the unescaped parts of a JSON pointer.

    Examples
    --------
    >>> pointer_parts("/a~1b/0")
    ['a/b', '0']
    """
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def referred(root: dict[str, Any], reference: str) -> object:
    """Return what a local reference (``#/…``) names.

    Raises
    ------
    InvalidSchemaError
        If it is not local, or names nothing.
    """
    if not reference.startswith("#"):
        reason = f"$ref {reference!r} leads out of the document; only references to '#/…' are read"
        raise InvalidSchemaError("$ref", reason)
    node: object = root
    for part in pointer_parts(reference[1:]):
        if isinstance(node, dict) and part in node:
            node = cast("dict[str, object]", node)[part]
        elif isinstance(node, list) and part.isdigit() and int(part) < len(cast("Any", node)):
            node = cast("list[object]", node)[int(part)]
        else:
            raise InvalidSchemaError("$ref", f"$ref {reference!r} names nothing in the document")
    return node


def _check(document: dict[str, Any]) -> None:
    size = len(orjson.dumps(document))
    if size > MAX_SCHEMA_BYTES:
        raise InvalidSchemaError("", f"{size:,} bytes are above the limit of {MAX_SCHEMA_BYTES:,}")
    if document.get("$schema", DIALECT).rstrip("#") != DIALECT:
        raise InvalidSchemaError("/$schema", f"only {DIALECT} is understood")
    for count, (pointer, schema, depth) in enumerate(_subschemas(document)):
        if count > MAX_SCHEMA_NODES:
            raise InvalidSchemaError("", f"has more than {MAX_SCHEMA_NODES:,} subschemas")
        if depth > MAX_SCHEMA_DEPTH:
            raise InvalidSchemaError(pointer, f"nested deeper than {MAX_SCHEMA_DEPTH} levels")
        for keyword in _REFUSED:
            if keyword in schema:
                raise InvalidSchemaError(f"{pointer}/{keyword}", f"{keyword} is not supported")
        if isinstance(schema.get("$ref"), str):
            referred(document, schema["$ref"])
            _refuse_circle(document, schema, pointer)
        patterns = [schema.get("pattern"), *_names(schema.get("patternProperties"))]
        if any(isinstance(p, str) and len(p) > MAX_PATTERN_CHARACTERS for p in patterns):
            reason = f"a pattern is longer than {MAX_PATTERN_CHARACTERS} characters"
            raise InvalidSchemaError(pointer, reason)


def _refuse_circle(root: dict[str, Any], schema: dict[str, Any], pointer: str) -> None:
    """Refuse references that lead back to themselves without a step down in the instance."""
    pending: list[tuple[object, int]] = [(schema, 0)]
    seen: set[int] = set()
    while pending:
        node, steps = pending.pop()
        if not isinstance(node, dict):
            continue
        if node is schema and steps:
            raise InvalidSchemaError(f"{pointer}/$ref", "$ref leads back to itself")
        if id(cast("object", node)) in seen:
            continue
        seen.add(id(cast("object", node)))
        pending += [(child, steps + 1) for child in _in_place(root, cast("dict[str, Any]", node))]


def _in_place(root: dict[str, Any], schema: dict[str, Any]) -> Iterator[object]:
    for keyword in _IN_PLACE:
        value = schema.get(keyword)
        if keyword == "$ref" and isinstance(value, str):
            yield referred(root, value)
        elif isinstance(value, list):
            yield from cast("list[object]", value)
        elif keyword == "dependentSchemas" and isinstance(value, dict):
            yield from cast("dict[str, object]", value).values()
        elif isinstance(value, dict):
            yield cast("object", value)


def _subschemas(root: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], int]]:
    stack: list[tuple[str, object, int]] = [("", root, 0)]
    while stack:
        pointer, node, depth = stack.pop()
        if not isinstance(node, dict):
            continue
        schema = cast("dict[str, Any]", node)
        yield pointer, schema, depth
        if depth > MAX_SCHEMA_DEPTH:
            continue
        for keyword, value in schema.items():
            at = f"{pointer}/{escaped(keyword)}"
            if keyword in DIRECT:
                stack.append((at, value, depth + 1))
            elif keyword in LISTED and isinstance(value, list):
                parts = enumerate(cast("list[object]", value))
                stack += [(f"{at}/{n}", part, depth + 1) for n, part in parts]
            elif keyword in NAMED and isinstance(value, dict):
                named = cast("dict[str, object]", value).items()
                stack += [(f"{at}/{escaped(name)}", part, depth + 1) for name, part in named]


def _names(value: object) -> list[str]:
    return list(cast("dict[str, object]", value)) if isinstance(value, dict) else []


def _sensitive(root: dict[str, Any], node: object, instance: object, pointer: str) -> Iterator[str]:
    if not isinstance(node, dict):
        return
    schema = cast("dict[str, Any]", node)
    if schema.get(SENSITIVE) is True and pointer:
        yield pointer
        return
    # No circle in place: `_check` has refused those.
    for part in _in_place(root, schema):
        yield from _sensitive(root, part, instance, pointer)
    if isinstance(instance, dict):
        for name, value in cast("dict[str, object]", instance).items():
            for part in _of_property(schema, name):
                yield from _sensitive(root, part, value, f"{pointer}/{escaped(name)}")
    elif isinstance(instance, list):
        prefix = cast("list[object]", schema.get("prefixItems", []))
        for number, value in enumerate(cast("list[object]", instance)):
            part = prefix[number] if number < len(prefix) else schema.get("items")
            yield from _sensitive(root, part, value, f"{pointer}/{number}")


def _of_property(schema: dict[str, Any], name: str) -> Iterator[object]:
    """Yield the schemas that a property must fit."""
    declared = cast("dict[str, object]", schema.get("properties", {}))
    patterns = cast("dict[str, object]", schema.get("patternProperties", {}))
    applied = [declared[name]] if name in declared else []
    applied += [part for pattern, part in patterns.items() if meets(pattern, name)]
    yield from applied or [schema.get("additionalProperties")]
