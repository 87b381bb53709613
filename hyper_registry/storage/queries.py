"""Named SQL blocks: one file per store, each block under a ``-- name:`` line."""

import re
from functools import cache
from importlib.resources import files
from typing import LiteralString, cast

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def load_queries(store: str) -> dict[str, LiteralString]:
    """Return the blocks of ``sql/<store>.sql`` by name.

    Raises
    ------
    ValueError
        If a name stands twice, or text stands before the first name.
    """
    text = (files("hyper_registry.storage") / "sql" / f"{store}.sql").read_text()
    before, *pairs = _NAME.split(text)
    if before.strip():
        msg = f"sql/{store}.sql holds text before its first '-- name:' line"
        raise ValueError(msg)
    names, blocks = pairs[::2], pairs[1::2]
    if len(set(names)) != len(names):
        msg = f"sql/{store}.sql names a block twice"
        raise ValueError(msg)
    # The text is part of the package, as literal as a literal in the source.
    return {
        name: cast("LiteralString", block.strip())
        for name, block in zip(names, blocks, strict=True)
    }
