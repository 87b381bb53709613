"""Tables as entries: what columns a table may have, and how its cells become a record."""

import re
from collections.abc import Iterable, Mapping

from pydantic_core import from_json

from hyper_registry.catalog.sources.record import RELATIONSHIPS
from hyper_registry.domain.entry import KEPT_FIELDS, EntryDraft
from hyper_registry.domain.errors.input import SourceUnavailableError

REQUIRED_COLUMNS = ("category", "title")
_SECURITY_COLUMNS = ("visibility", "readers")
_LIST_COLUMNS = frozenset({"tags", "readers", "sensitive"})
_JSON_COLUMNS = frozenset({"metadata", "deprecation", RELATIONSHIPS})
_PARSED_COLUMNS = _LIST_COLUMNS | _JSON_COLUMNS
COLUMNS = (
    *(field for field in EntryDraft.model_fields if field != "security"),
    *_SECURITY_COLUMNS,
    RELATIONSHIPS,
)
"""Names a column may have: the fields of an entry, its security context in two, its links."""

_LIST_SEPARATOR = re.compile(r"[|;]")


def check_columns(source: str, names: Iterable[str]) -> None:
    """Make sure that a table's columns can be understood before any row is read.

    Raises
    ------
    SourceUnavailableError
        If a required column is missing, or a name is unknown or there twice; names them all.
    """
    given = list(names)
    missing = [name for name in REQUIRED_COLUMNS if name not in given]
    unknown = [name for name in given if name not in COLUMNS and name not in KEPT_FIELDS]
    repeated = sorted({name for name in given if given.count(name) > 1})
    for fault, columns in (("lacks", missing), ("has unknown", unknown), ("repeats", repeated)):
        if columns:
            raise SourceUnavailableError(
                source,
                f"{fault} {'columns' if len(columns) > 1 else 'column'}"
                f" {', '.join(map(repr, columns))}",
                f"Name the columns after these fields: {', '.join(COLUMNS)}.",
            )


def record_from_cells(cells: Mapping[str, object]) -> dict[str, object]:
    """Return the record that a row's cells stand for.

    Parameters
    ----------
    cells
        By column name. None and empty text leave the field at its default. `tags` and `readers`
        are lists, the JSON text of one, or text separated by ``|`` or ``;``; `metadata` and
        `relationships` are values of the right shape, or JSON text.

    Raises
    ------
    ValueError
        If a cell holds malformed JSON; the message names the column and the remedy.
    """
    record: dict[str, object] = {}
    security: dict[str, object] = {}
    for name, cell in cells.items():
        if cell is None or cell == "":
            continue
        fields = security if name in _SECURITY_COLUMNS else record
        if isinstance(cell, str) and name in _PARSED_COLUMNS:
            fields[name] = _parsed(name, cell)
        else:
            fields[name] = cell
    if security:
        record["security"] = security
    return record


def _parsed(name: str, cell: str) -> object:
    if name in _LIST_COLUMNS and not cell.startswith("["):
        return [part for part in map(str.strip, _LIST_SEPARATOR.split(cell)) if part]
    try:
        return from_json(cell)
    except ValueError as error:
        msg = f"{name}: is not valid JSON ({error}); quote it as one JSON value"
        raise ValueError(msg) from error
