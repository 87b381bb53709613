"""Parquet files: one entry a row."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeStubs=false, reportAttributeAccessIssue=false
# pyarrow ships no type information.

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hyper_registry.catalog.sources.columns import check_columns, record_from_cells
from hyper_registry.catalog.sources.lines import DEFAULT_LINE_LIMIT_BYTES
from hyper_registry.catalog.sources.record import item_from_record
from hyper_registry.catalog.sources.source import BadRow, SourceItem
from hyper_registry.domain.errors.input import SourceUnavailableError

_BATCH_ROWS = 1024
_BATCH_BYTES = 64 << 20
_ROW_GROUP_BYTES = 1 << 30
_ROW_GROUP_VALUES = 1 << 25


class ParquetSource:
    """Reads a Parquet file batch by batch, so memory does not grow with its rows.

    Nor does a small file that stands for a huge one take it: text stays in dictionaries until its
    size is known, a row above `row_limit_bytes` is a bad row, and a row group above 1 GiB or 32 Mi
    values is refused.

    Columns are those of `columns.COLUMNS`. `tags` and `readers` are lists of text, or text with
    separators; `metadata` is JSON text, a map or a struct; `relationships` is JSON text or a list
    of structs. Null fields of structs are left out: a struct cannot tell null from absent.

    Parameters
    ----------
    path
        The file.
    row_limit_bytes
        A row whose values take more is a bad row.
    """

    def __init__(self, path: Path, row_limit_bytes: int = DEFAULT_LINE_LIMIT_BYTES) -> None:
        self._path = path
        self._row_limit_bytes = row_limit_bytes

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
            self._check_row_groups(file.metadata)
            row = 0
            structured = [field.name for field in file.schema_arrow if _holds_structs(field.type)]
            for batch in _batches(file):
                for cells in _rows(batch, self._row_limit_bytes):
                    row += 1
                    yield _item(row, cells, structured)

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
            texts = _text_columns(self._path)
            with pq.ParquetFile(self._path, read_dictionary=texts) as file:
                yield file
        except FileNotFoundError as error:
            raise SourceUnavailableError(self.name, "does not exist", "Check the path.") from error
        except (pa.ArrowException, OSError) as error:
            raise SourceUnavailableError(
                self.name,
                f"cannot be read as Parquet ({_first_line(error)})",
                "Check that it is a whole Parquet file that this user may read.",
            ) from error

    def _check_row_groups(self, metadata: pq.FileMetaData) -> None:
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            values = max(group.column(each).num_values for each in range(group.num_columns))
            if group.total_byte_size > _ROW_GROUP_BYTES or values > _ROW_GROUP_VALUES:
                raise SourceUnavailableError(
                    self.name,
                    f"has a row group of {group.total_byte_size:,} bytes and {values:,} values",
                    f"Write row groups of at most {_ROW_GROUP_BYTES:,} bytes and "
                    f"{_ROW_GROUP_VALUES:,} values.",
                )


def _batches(file: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    # One row group at a time: nested dictionaries of two cannot stand in one batch.
    for number in range(file.num_row_groups):
        yield from file.iter_batches(_BATCH_ROWS, row_groups=[number], use_threads=False)


def _text_columns(path: Path) -> list[str]:
    """Return the paths of the columns of text, nested ones too."""
    with pq.ParquetFile(path) as file:
        columns = [file.schema.column(number) for number in range(len(file.schema))]
    return [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]


def _rows(batch: pa.RecordBatch, row_limit_bytes: int) -> Iterator[dict[str, object] | str]:
    """Yield each row's cells, or the reason why they are not read."""
    if _size_bytes(batch) <= _BATCH_BYTES:
        yield from _readable_rows(batch, row_limit_bytes)
        return
    for position in range(batch.num_rows):
        yield from _readable_rows(batch.slice(position, 1), row_limit_bytes)


def _readable_rows(
    batch: pa.RecordBatch, row_limit_bytes: int
) -> Iterator[dict[str, object] | str]:
    if batch.num_rows == 1 and (size_bytes := _size_bytes(batch)) > row_limit_bytes:
        yield f"takes {size_bytes:,} bytes, the limit is {row_limit_bytes:,}; shorten it"
        return
    try:
        rows = _dense(batch).to_pylist()
    except (ValueError, OverflowError):
        # One cell (text that is not UTF-8, a date beyond year 9999) fails the whole batch.
        for position in range(batch.num_rows):
            try:
                yield from _dense(batch.slice(position, 1)).to_pylist()
            except (ValueError, OverflowError) as error:
                yield f"holds a value that cannot be read ({_first_line(error)}); mend the cell"
    else:
        yield from rows


def _size_bytes(values: pa.RecordBatch | pa.Array) -> int:
    """Return what values would take without dictionaries, those under null included."""
    if isinstance(values, pa.RecordBatch):
        return sum(map(_size_bytes, values.columns))
    if isinstance(values, pa.DictionaryArray):
        lengths = pc.binary_length(values.dictionary)
        return pc.sum(lengths.cast(pa.int64()).take(values.indices)).as_py() or 0
    if isinstance(values, pa.MapArray):
        first, last = values.offsets[0].as_py(), values.offsets[-1].as_py()
        parts = (values.keys, values.items)
        return sum(_size_bytes(part.slice(first, last - first)) for part in parts)
    if isinstance(values, pa.ListArray | pa.StructArray):
        parts = values.flatten()
        return sum(map(_size_bytes, parts if isinstance(parts, list) else [parts]))
    return values.nbytes


def _dense(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch whose flat columns are without dictionaries, which is faster to read."""
    columns = [
        column.dictionary_decode() if isinstance(column, pa.DictionaryArray) else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _holds_structs(kind: pa.DataType) -> bool:
    """Whether values of a type are or contain structs or maps."""
    if pa.types.is_struct(kind) or pa.types.is_map(kind):
        return True
    return any(_holds_structs(kind.field(number).type) for number in range(kind.num_fields))


def _item(
    row: int, cells: dict[str, object] | str, structured: Iterable[str]
) -> SourceItem | BadRow:
    if isinstance(cells, str):
        return BadRow(row, cells)
    for name in structured:
        cells[name] = _plain(cells[name])
    try:
        record = record_from_cells(cells)
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
