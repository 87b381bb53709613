"""CSV files: a header of field names, then one entry a record."""

import csv
from collections.abc import Iterator
from pathlib import Path

from hyper_registry.catalog.sources.columns import check_columns, record_from_cells
from hyper_registry.catalog.sources.lines import (
    DEFAULT_LINE_LIMIT_BYTES,
    bounded_lines,
    estimate_lines,
    open_file,
)
from hyper_registry.catalog.sources.record import item_from_record
from hyper_registry.catalog.sources.source import BadRow, SourceItem
from hyper_registry.domain.errors.input import SourceUnavailableError

_NO_HEADER: list[str] = []


class CsvSource:
    """Reads comma-separated records in UTF-8; ``.gz`` is decompressed.

    Columns are those of `columns.COLUMNS`, in any order. A row's number is that of the line where
    its record starts, so a quoted line break does not shift the numbers after it.

    Parameters
    ----------
    path
        The file.
    line_limit_bytes
        A record with a longer line is a bad row; so is one with a cell over the `csv` module's
        own limit of 128 Ki characters.
    """

    def __init__(self, path: Path, line_limit_bytes: int = DEFAULT_LINE_LIMIT_BYTES) -> None:
        self._path = path
        self._line_limit_bytes = line_limit_bytes

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self._path)

    def read(self) -> Iterator[SourceItem | BadRow]:
        """Yield one item or bad row for every record that is not blank.

        Raises
        ------
        SourceUnavailableError
            If the file cannot be opened or read on, or its header cannot be understood.
        """
        with open_file(self._path) as stream:
            lines = _DecodedLines(bounded_lines(stream, self._line_limit_bytes))
            # Strict, so that a quote that never closes is named instead of swallowing the rest.
            records = csv.reader(lines, strict=True)
            header = self._header(records)
            while True:
                row = lines.row + 1
                try:
                    cells = next(records)
                except StopIteration:
                    return
                except (csv.Error, ValueError) as error:
                    yield BadRow(row, f"{error}; mend the record")
                    continue
                if any(cell.strip() for cell in cells):
                    yield _item(row, header, cells)

    def estimate(self) -> int | None:
        """Estimate how many records the file has; None if it is compressed."""
        lines = estimate_lines(self._path)
        return None if lines is None else max(lines - 1, 0)

    def _header(self, records: Iterator[list[str]]) -> list[str]:
        try:
            header = [name.strip() for name in next(records, _NO_HEADER)]
        except (csv.Error, ValueError) as error:
            raise SourceUnavailableError(
                self.name, f"has an unreadable header ({error})", "Mend its first line."
            ) from error
        check_columns(self.name, header)
        return header


class _DecodedLines:
    """Lines as text; an iterator by class, because one that raised must be able to go on."""

    def __init__(self, lines: Iterator[tuple[int, bytes | None]]) -> None:
        self._lines = lines
        self.row = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.row, line = next(self._lines)
        if line is None:
            msg = "has a line above the length limit"
            raise ValueError(msg)
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            msg = f"is not valid UTF-8 at byte {error.start + 1}"
            raise ValueError(msg) from error


def _item(row: int, header: list[str], cells: list[str]) -> SourceItem | BadRow:
    if len(cells) != len(header):
        return BadRow(
            row, f"has {len(cells)} cells for {len(header)} columns; quote cells that hold commas"
        )
    try:
        record = record_from_cells(dict(zip(header, cells, strict=True)))
    except ValueError as error:
        return BadRow(row, str(error))
    return item_from_record(row, record)
