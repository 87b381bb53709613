"""CSV: a header, then one entry a record."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter

import orjson

from hyper_registry.catalog.exports.table import table_columns
from hyper_registry.storage.export_store import ExportedEntry


class CsvEncoder:
    """Writes records that an import of CSV reads back.

    Lists are JSON arrays, so that an item may hold any separator; times are ISO 8601. The cells
    are what the registry holds: a spreadsheet may take one that begins with ``=`` for a formula.

    Parameters
    ----------
    links
        Whether there is a column of relationships.
    """

    def __init__(self, *, links: bool) -> None:
        self._columns = table_columns(links=links)
        self._cells = attrgetter(*self._columns)
        self._header_is_due = True

    def page(self, entries: Sequence[ExportedEntry]) -> bytes:
        """Return one record an entry, the first page behind the header."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if self._header_is_due:
            writer.writerow(self._columns)
            self._header_is_due = False
        writer.writerows(map(_plain, self._cells(entry)) for entry in entries)
        return text.getvalue().encode()

    def end(self) -> bytes:
        """Return the header where no page has brought it."""
        return self.page([]) if self._header_is_due else b""


def _plain(value: object) -> object:
    match value:
        case list():
            return orjson.dumps(value).decode() if value else ""
        case datetime():
            return value.isoformat()
        case bool():
            return "true" if value else "false"
        case _:
            return value
