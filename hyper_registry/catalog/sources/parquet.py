"""Parquet files: one entry a row."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeStubs=false
# pyarrow ships no type information.

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hyper_registry.catalog.sources.columns import check_columns, record_from_cells
from hyper_registry.catalog.sources.record import item_from_record
from hyper_registry.catalog.sources.source import BadRow, SourceItem
from hyper_registry.domain.errors.input import SourceUnavailableError

_BATCH_ROWS = 1024


class ParquetSource:
    """Reads a Parquet file batch by batch, so memory does not grow with its rows.

    Columns are those of `columns.COLUMNS`. `tags` and `readers` are lists of text, or text with
    separators; `metadata` is JSON text, a map or a struct; `relationships` is JSON text or a list
    of structs. Null fields of structs are left out: a struct cannot tell null from absent.

    Parameters
    ----------
    path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self._path)

    def read(self) -> Iterator[SourceItem | BadRow]:
        """Yield one item or bad row for every row.

        Raises
        ------
        SourceUnavailableError
            If the file cannot be opened or read on, or its columns cannot be understood.
        """
        with self._open() as file:
            check_columns(self.name, file.schema_arrow.names)
            row = 0
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, use_threads=False):
                for cells in _rows(batch):
                    row += 1
                    yield _item(row, cells)

    def estimate(self) -> int | None:
        """Read the number of rows from the file's footer; None where `read` would fail."""
        try:
            with self._open() as file:
                return file.metadata.num_rows
        except SourceUnavailableError:
            return None

    @contextmanager
    def _open(self) -> Generator[pq.ParquetFile, None, None]:
        try:
            with pq.ParquetFile(self._path) as file:
                yield file
        except FileNotFoundError as error:
            raise SourceUnavailableError(self.name, "does not exist", "Check the path.") from error
        except (pa.ArrowException, OSError) as error:
            raise SourceUnavailableError(
                self.name,
                f"cannot be read as Parquet ({_first_line(error)})",
                "Check that it is a whole Parquet file that this user may read.",
            ) from error


def _rows(batch: pa.RecordBatch) -> Iterator[dict[str, object] | str]:
    """Yield each row's cells, or the reason why they are no Python values."""
    try:
        rows = batch.to_pylist()
    except (ValueError, OverflowError):
        # One cell (text that is not UTF-8, a date beyond year 9999) fails the whole batch.
        for position in range(batch.num_rows):
            try:
                yield from batch.slice(position, 1).to_pylist()
            except (ValueError, OverflowError) as error:
                yield f"holds a value that cannot be read ({_first_line(error)}); mend the cell"
    else:
        yield from rows


def _item(row: int, cells: dict[str, object] | str) -> SourceItem | BadRow:
    if isinstance(cells, str):
        return BadRow(row, cells)
    try:
        record = record_from_cells({name: _plain(cell) for name, cell in cells.items()})
    except ValueError as error:
        return BadRow(row, str(error))
    return item_from_record(row, record)


def _plain(cell: object) -> object:
    """Turn a map into a dict, and leave out the nulls of a struct."""
    match cell:
        case dict():
            return {name: _plain(value) for name, value in cell.items() if value is not None}
        case [tuple(), *_] if all(isinstance(pair, tuple) and len(pair) == 2 for pair in cell):
            return dict(cell)
        case list():
            return [_plain(value) for value in cell]
        case _:
            return cell


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
