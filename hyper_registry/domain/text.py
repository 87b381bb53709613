"""Text and JSON that Postgres, JSON and Arrow can all hold."""

import math
import re
from typing import Annotated

from pydantic import AfterValidator, JsonValue

MAX_JSON_DEPTH = 32
_LARGEST_INTEGER = 2**63 - 1
_NOT_IN_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def storable_text(value: str) -> str:
    """Return `value` unchanged if it can be stored.

    Raises
    ------
    ValueError
        If it holds NUL, which Postgres cannot store, or a lone surrogate, which no encoding can.
    """
    if "\x00" in value:
        msg = "holds a NUL character; remove it"
        raise ValueError(msg)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        msg = f"holds half a surrogate pair at position {error.start}; send whole characters"
        raise ValueError(msg) from error
    return value


def storable_line(value: str) -> str:
    """Return `value` stripped, if it is one non-empty storable line.

    Raises
    ------
    ValueError
        If it is empty, not storable, or holds a line break or another control character: those of
        Unicode too, at which some readers of text split lines.
    """
    stripped = storable_text(value).strip()
    if not stripped:
        msg = "is empty; give at least one visible character"
        raise ValueError(msg)
    # Printable text holds none of them, and is told from other text faster.
    if not stripped.isprintable() and _NOT_IN_A_LINE.search(stripped):
        msg = "holds a control character or line break; give one line"
        raise ValueError(msg)
    return stripped


def storable_json(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Return `value` unchanged if `jsonb` can hold it and give it back equal.

    Raises
    ------
    ValueError
        If it holds NaN or infinity, an integer beyond 64 bits, text that cannot be stored, or is
        nested deeper than `MAX_JSON_DEPTH`.
    """
    rest: list[tuple[int, JsonValue]] = [(0, value)]
    while rest:
        depth, node = rest.pop()
        if depth > MAX_JSON_DEPTH:
            msg = f"is nested deeper than {MAX_JSON_DEPTH} levels; flatten it"
            raise ValueError(msg)
        if isinstance(node, str):
            storable_text(node)
        elif isinstance(node, dict):
            for key, child in node.items():
                rest.append((depth + 1, key))
                rest.append((depth + 1, child))
        elif isinstance(node, list):
            rest.extend((depth + 1, child) for child in node)
        elif isinstance(node, float) and not math.isfinite(node):
            msg = "holds NaN or infinity, which JSON has no form for; send null"
            raise ValueError(msg)
        elif isinstance(node, int) and not -_LARGEST_INTEGER <= node <= _LARGEST_INTEGER:
            msg = "holds an integer beyond 64 bits; send it as text"
            raise ValueError(msg)
    return value


Text = Annotated[str, AfterValidator(storable_text)]
"""Any storable text, line breaks included."""

Line = Annotated[str, AfterValidator(storable_line)]
"""One non-empty line without control characters, stripped."""

JsonObject = Annotated[dict[str, JsonValue], AfterValidator(storable_json)]
"""A JSON object that survives storage unchanged."""
