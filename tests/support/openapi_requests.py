"""Requests to every route of an API, made up from its OpenAPI document."""

import itertools
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, cast

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
_METHODS = ("get", "post", "put", "patch", "delete")
_CURSORS = {"after", "before", "cursor", "last-event-id"}
# No more than so many requests of one route differ in whom they ask about.
_MOST_SUBJECTS = 40
_MOST_VALUES = 12
# Of the values of a slot, so many are tried with as many of every other slot.
_LEADING = 4
# Of what answers have shown, so many are sent back, from all along the list.
_MOST_SHOWN = 12


class Shown(NamedTuple):
    """Stands for the value that a registry showed at a place under a field's name."""

    name: str
    place: int


class ShownField(NamedTuple):
    """Stands for a field of the object that a registry showed at a place among those of its id."""

    id_name: str
    place: int
    field: str


@dataclass(frozen=True)
class Slot:
    """A place of a request that takes a value: a parameter, a field of the body, or all of it.

    Where the body is a file, `name` is its media type.
    """

    place: str
    name: str
    schema: Mapping[str, Any] = field(compare=False)
    required: bool


Filled = Mapping[Slot, Any]


@dataclass(frozen=True)
class Operation:
    """One method of one path.

    Attributes
    ----------
    accepts
        Media types that its document promises.
    sends
        Media type of its body.
    """

    method: str
    path: str
    slots: tuple[Slot, ...]
    accepts: tuple[str, ...]
    sends: str

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


@dataclass(frozen=True)
class Vocabulary:
    """Values that mean something in a registry.

    Attributes
    ----------
    by_name
        By the name of a parameter or field, the most telling first.
    subjects
        The names of those that say whom a request is about.
    anything
        For text of any other name.
    """

    by_name: Mapping[str, Sequence[Any]]
    subjects: frozenset[str]
    anything: Sequence[Any]

    def without(self, name: str, values: set[str]) -> "Vocabulary":
        """Return the vocabulary without some values of a name."""
        left = [value for value in self.by_name[name] if value not in values]
        return replace(self, by_name={**self.by_name, name: left})


@dataclass(frozen=True)
class Supply:
    """Where values come from: words known before, and what answers have shown.

    Attributes
    ----------
    objects
        By the name of their id, the objects that answers have shown.
    """

    words: Vocabulary
    shown: Mapping[str, Sequence[Any]]
    objects: Mapping[str, Sequence[Mapping[str, Any]]]

    def knows(self, operation: Operation) -> bool:
        """Whether there is an id for each one that the path of an operation asks for."""
        return all(
            slot.name in self.words.subjects or slot.name in self.shown
            for slot in operation.slots
            if slot.place == "path" and slot.name.endswith("_id")
        )


class Document:
    """An OpenAPI document: its operations, and values for their slots."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    @cached_property
    def operations(self) -> list[Operation]:
        """All operations: those that read, those that write, then deletions, last path first.

        So what depends on something else is deleted before that.
        """
        found = [
            self._operation(method, path, item)
            for path, item in self._document["paths"].items()
            for method in item
        ]
        deletions = [operation for operation in found if operation.method == "delete"]
        others = [operation for operation in found if operation.method != "delete"]
        others.sort(key=lambda operation: _METHODS.index(operation.method))
        return [*others, *reversed(deletions)]

    def subjects(self, operation: Operation, supply: Supply) -> list[dict[Slot, Any]]:
        """Fill what must be filled, with each id that fits; the rest with its first value.

        Where several ids are asked for, all pairs of the first ones and some of the others. What
        answers have shown of a thing is sent back to it as well.
        """
        required = [slot for slot in operation.slots if slot.required]
        choices = []
        for slot in required:
            values = self.values(operation, slot.name, slot.schema, supply)
            names_a_thing = (
                slot.place == "path"
                or slot.name in supply.shown
                or slot.name in supply.words.subjects
            )
            choices.append(values if names_a_thing else values[:1])
        products = list(itertools.product(*(values[:_LEADING] for values in choices)))
        others = [each for each in itertools.product(*choices) if each not in products]
        room = max(0, _MOST_SUBJECTS - len(products))
        products += random.Random(str(operation)).sample(others, min(room, len(others)))
        filled = [dict(zip(required, values, strict=True)) for values in products]
        return filled + self._sent_back(required, supply)

    def variants(
        self, operation: Operation, base: Filled, supply: Supply
    ) -> Iterator[dict[Slot, Any]]:
        """Fill one optional slot after the other with each of its values, then some together."""
        choice = random.Random(str(operation))
        optional = [slot for slot in operation.slots if not slot.required]
        values = {
            slot: self.values(operation, slot.name, slot.schema, supply)[:_MOST_VALUES]
            for slot in optional
        }
        for slot in optional:
            for value in values[slot]:
                yield {**base, slot: value}
        if len(optional) > 1:
            for _ in range(4):
                some = choice.sample(optional, 2)
                yield {**base, **{slot: choice.choice(values[slot]) for slot in some}}

    def values(
        self, operation: Operation, name: str, schema: Mapping[str, Any], supply: Supply
    ) -> list[Any]:
        """Return values of a schema, the plainest first."""
        schema = self._resolved(schema)
        if name in _CURSORS:
            return _cursors(operation, schema, supply.shown)
        match schema.get("type"):
            case "boolean":
                return [False, True]
            case "integer" | "number":
                return _numbers(schema)
            case "array":
                items = self.values(operation, name, schema.get("items", {}), supply)
                return [[item] for item in items] + [items[:2]]
            case "string":
                return _texts(name, schema, supply)
            case _:
                return self._objects(operation, name, schema, supply)

    def _objects(
        self, operation: Operation, name: str, schema: Mapping[str, Any], supply: Supply
    ) -> list[Any]:
        if "properties" not in schema and name in supply.words.by_name:
            return list(supply.words.by_name[name])
        required = set(schema.get("required", ()))
        values = {
            field: self.values(operation, field, item, supply)
            for field, item in schema.get("properties", {}).items()
        }
        base = {field: values[field][0] for field in required}
        extended = [
            base | {field: value}
            for field in values
            if field not in required
            for value in values[field][:_MOST_VALUES]
        ]
        return [base, *extended]

    def _sent_back(self, required: Sequence[Slot], supply: Supply) -> list[dict[Slot, Any]]:
        in_path = [slot.name for slot in required if slot.place == "path"]
        if len(in_path) != 1 or len(required) == 1:
            return []
        known = supply.objects.get(in_path[0], ())
        return [
            {slot: ShownField(in_path[0], place, slot.name) for slot in required}
            for place in _spread(known, _MOST_SUBJECTS)
            if all(slot.name in known[place] for slot in required)
        ]

    def _operation(self, method: str, path: str, path_item: Mapping[str, Any]) -> Operation:
        item = path_item[method]
        slots = [
            Slot(each["in"], each["name"], each["schema"], each["required"])
            for each in item.get("parameters", ())
            if each["name"] != "accept"
        ]
        content = item.get("requestBody", {}).get("content", {})
        # The words are files of the first kind.
        sends = JSON if JSON in content else next(iter(content), "")
        if sends == MERGE_PATCH:
            # It may hold anything; what means something are the fields of what it changes.
            whole = path_item["put"]["requestBody"]["content"][JSON]["schema"]
            slots += self._body(whole, required=())
        elif sends == JSON:
            body = self._resolved(content[JSON]["schema"])
            slots += self._body(body, required=body.get("required", ()))
        elif sends:
            slots.append(Slot("file", sends, {"type": "string"}, required=True))
        answers = [each for status, each in item["responses"].items() if status.startswith("2")]
        accepts = tuple(kind for each in answers for kind in each.get("content", {}))
        return Operation(method, path, tuple(slots), accepts, sends)

    def _body(self, schema: Mapping[str, Any], required: Collection[str]) -> list[Slot]:
        return [
            Slot("body", name, each, name in required)
            for name, each in self._resolved(schema).get("properties", {}).items()
        ]

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in schema or "anyOf" in schema or len(schema.get("allOf", ())) == 1:
            if "$ref" in schema:
                found: Any = self._document
                for part in schema["$ref"].removeprefix("#/").split("/"):
                    found = found[part]
                schema = cast("Mapping[str, Any]", found)
            else:
                branches = schema.get("anyOf") or schema["allOf"]
                schema = next(each for each in branches if each.get("type") != "null")
        return schema


def _texts(name: str, schema: Mapping[str, Any], supply: Supply) -> list[Any]:
    if "enum" in schema or "const" in schema:
        return list(schema.get("enum") or [schema["const"]])
    if schema.get("format") == "date-time":
        known = range(len(supply.shown.get(name, ())))
        return [
            *(Shown(name, place) for place in known),
            "2001-01-01T00:00:00Z",
            "2101-01-01T00:00:00Z",
        ]
    words = supply.words.by_name.get(name, ())
    if name in supply.shown and name not in supply.words.subjects:
        places = _spread(supply.shown[name])
        return [*(Shown(name, place) for place in places), *words, "absent"]
    return list(words or supply.words.anything)


def _spread(shown: Sequence[Any], most: int = _MOST_SHOWN) -> list[int]:
    """Return places all along a list, the first and the last among them."""
    last = len(shown) - 1
    return sorted({last * step // (most - 1) for step in range(most)}) if shown else []


def _numbers(schema: Mapping[str, Any]) -> list[Any]:
    """Return small values; of times to wait, the least that a request may give."""
    if schema["type"] == "number":
        return [schema.get("minimum", schema.get("maximum", 1))]
    least = schema.get("minimum", 0)
    return sorted({least, max(least, 2), max(least, 5)})


def _cursors(
    operation: Operation, schema: Mapping[str, Any], shown: Mapping[str, Sequence[Any]]
) -> list[Any]:
    """Return cursors that the operation has shown, and some that are none."""
    known = [
        Shown(name, place)
        for name in shown
        if name.startswith(f"{operation} ")
        for place in sorted({0, len(shown[name]) // 2, len(shown[name]) - 1})
    ]
    if schema.get("type") == "integer":
        return [schema.get("minimum", 0), *known]
    return ["now", "none-of-yours", *known]
