"""JSON Lines files: one entry a line."""

from collections.abc import Iterator
from pathlib import Path

from pydantic_core import from_json

from hyper_registry.catalog.sources.lines import (
    DEFAULT_LINE_LIMIT_BYTES,
    bounded_lines,
    estimate_lines,
    open_file,
)
from hyper_registry.catalog.sources.record import item_from_record
from hyper_registry.catalog.sources.source import BadRow, SourceItem


class JsonLinesSource:
    """Reads one entry a line, each with optional `relationships`; ``.gz`` is decompressed.

    Parameters
    ----------
    path
        The file.
    line_limit_bytes
        A longer line is a bad row; it bounds the memory that any file can take.
    """

    def __init__(self, path: Path, line_limit_bytes: int = DEFAULT_LINE_LIMIT_BYTES) -> None:
        self._path = path
        self._line_limit_bytes = line_limit_bytes

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self._path)

    def read(self) -> Iterator[SourceItem | BadRow]:
        """Yield one item or bad row for every line that is not blank.

        Raises
        ------
        SourceUnavailableError
            If the file cannot be opened or read on.
        """
        with open_file(self._path) as stream:
            for row, line in bounded_lines(stream, self._line_limit_bytes):
                if line is None:
                    yield BadRow(row, f"is longer than {self._line_limit_bytes} bytes; shorten it")
                elif not line.isspace() and line:
                    yield _item(row, line)

    def estimate(self) -> int | None:
        """Estimate how many lines the file has; None if it is compressed."""
        return estimate_lines(self._path)


def _item(row: int, line: bytes) -> SourceItem | BadRow:
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        return BadRow(row, f"is not valid UTF-8 at byte {error.start + 1}; save the file as UTF-8")
    try:
        record = from_json(text)
    except ValueError as error:
        return BadRow(row, f"is not valid JSON ({error}); write one object a line")
    return item_from_record(row, record)
