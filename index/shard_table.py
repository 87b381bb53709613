"""The Arrow table that a shard is built from, checked and put in the shard's row order."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as pat

from index.attributes import LIST_COLUMNS, PLAIN_COLUMNS
from index.errors import IndexInputError

TEXT_COLUMNS = ("title", "description")
NULLABLE_COLUMNS = frozenset({"owner", *TEXT_COLUMNS})
NORM_TOLERANCE = 1e-2
"""How far a vector's length may be from 1: rounding to float16 and bfloat16 stays well within."""

# Bounds the float32 copies of vectors to about 25 MB at 384 components.
_BLOCK_ROWS = 16_384


@dataclass(frozen=True, slots=True, eq=False)
class ShardRows:
    """Checked rows of a shard.

    Attributes
    ----------
    entry_keys
        (n,) int64, rising: the shard's row order.
    vectors
        (n, dimension) float32 in the order of the given table, a view into it.
    order
        (n,) int64: row i of the shard is row ``order[i]`` of the given table.
    attributes
        Attribute columns in the shard's row order.
    texts
        ``title``, ``tags`` and ``description`` in the order of the given table; None if it has no
        texts.
    """

    entry_keys: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.float32]
    order: npt.NDArray[np.int64]
    attributes: pa.Table
    texts: pa.Table | None = None

    def unit_vectors(self, row_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Copy rows by their number in the shard, scaled to length 1.

        Parameters
        ----------
        row_ids
            (m,) int64 within [0, n).

        Returns
        -------
        numpy.ndarray
            (m, dimension) float32.
        """
        block = self.vectors[self.order[row_ids]]
        return block / np.linalg.norm(block, axis=1, keepdims=True)

    def blocks(self) -> list[npt.NDArray[np.int64]]:
        """Row numbers of the shard in consecutive blocks that fit in memory as float32."""
        row_ids = np.arange(len(self.order))
        return [row_ids[at : at + _BLOCK_ROWS] for at in range(0, len(row_ids), _BLOCK_ROWS)]

    def text_blocks(self) -> Iterator[pa.Table]:
        """Texts in the shard's row order, in consecutive blocks; none if there are no texts."""
        if self.texts is not None:
            for block in self.blocks():
                yield self.texts.take(pa.array(self.order[block]))


def checked_rows(table: pa.Table, dimension: int) -> ShardRows:
    """Check a table against the data contract and sort it by key.

    O(n log n + n * dimension). Columns beyond the contract are ignored.

    Parameters
    ----------
    table
        Columns ``entry_key`` int64, unique; ``vector`` fixed_size_list<float32>[dimension], of
        length 1; ``category``, ``status``, ``compliance_status`` string; ``owner`` string,
        nullable; ``tags``, ``readers`` list<string>. For a shard that is searched by text also
        ``title`` and ``description`` string, both nullable. Strings and lists may be of any Arrow
        width.
    dimension
        Components that each vector must have.

    Returns
    -------
    ShardRows
        The rows.

    Raises
    ------
    IndexInputError
        A column is missing or of another type, or a row breaks the contract; names both.
    """
    keys = _entry_keys(table)
    vectors = _vectors(table, dimension)
    order = np.argsort(keys, kind="stable")
    entry_keys = keys[order]
    repeated = np.flatnonzero(entry_keys[1:] == entry_keys[:-1])
    if len(repeated):
        row = int(order[repeated[0] + 1])
        raise IndexInputError("entry_key", row, f"key {keys[row]} appears more than once")
    columns = {name: _attribute(table, name, pa.string()) for name in PLAIN_COLUMNS} | {
        name: _attribute(table, name, pa.list_(pa.string())) for name in LIST_COLUMNS
    }
    attributes = pa.table(columns).take(pa.array(order))
    return ShardRows(entry_keys, vectors, order, attributes, _texts(table, columns["tags"]))


def _texts(table: pa.Table, tags: pa.ChunkedArray) -> pa.Table | None:
    if not set(TEXT_COLUMNS) & set(table.column_names):
        return None
    # Wide offsets: a shard's descriptions may have more than two gigabytes.
    texts = {name: _attribute(table, name, pa.large_string()) for name in TEXT_COLUMNS}
    return pa.table({**texts, "tags": tags})


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    places = table.schema.get_all_field_indices(name)
    if len(places) != 1:
        raise IndexInputError(name, None, f"the table has {len(places)} columns of this name")
    return table.column(places[0])


def _refuse_nulls(name: str, column: pa.ChunkedArray) -> None:
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy())[0])
        raise IndexInputError(name, row, "is null")


def _entry_keys(table: pa.Table) -> npt.NDArray[np.int64]:
    column = _column(table, "entry_key")
    if column.type != pa.int64():
        raise IndexInputError("entry_key", None, f"type is {column.type}, expected int64")
    _refuse_nulls("entry_key", column)
    return column.to_numpy()


def _vectors(table: pa.Table, dimension: int) -> npt.NDArray[np.float32]:
    column = _column(table, "vector")
    # Compared part by part: the name of the list's inner field carries no meaning.
    kind = column.type
    fits = pat.is_fixed_size_list(kind) and kind.value_type == pa.float32()
    if not fits or kind.list_size != dimension:
        reason = f"type is {kind}, expected fixed_size_list<float>[{dimension}]"
        raise IndexInputError("vector", None, reason)
    _refuse_nulls("vector", column)
    components = column.combine_chunks().flatten()
    if components.null_count:
        place = int(np.flatnonzero(components.is_null().to_numpy(zero_copy_only=False))[0])
        raise IndexInputError("vector", place // dimension, "has a component that is null")
    vectors = components.to_numpy().reshape(-1, dimension)
    for start in range(0, len(vectors), _BLOCK_ROWS):
        # float64: a wild component must give a wild length, not an overflow to infinity.
        lengths = np.linalg.norm(vectors[start : start + _BLOCK_ROWS].astype(np.float64), axis=1)
        # Written so that NaN fails as well.
        faults = np.flatnonzero(~(np.abs(lengths - 1) <= NORM_TOLERANCE))
        if len(faults):
            reason = f"length is {lengths[faults[0]]:.4g}, expected 1 within {NORM_TOLERANCE}"
            raise IndexInputError("vector", start + int(faults[0]), reason)
    return vectors


def _attribute(table: pa.Table, name: str, expected: pa.DataType) -> pa.ChunkedArray:
    column = _column(table, name)
    if not _same_but_for_width(column.type, expected):
        raise IndexInputError(name, None, f"type is {column.type}, expected {expected}")
    if name not in NULLABLE_COLUMNS:
        _refuse_nulls(name, column)
    column = column.cast(expected)
    if name in LIST_COLUMNS:
        for row, value in _first_null_element(column):
            raise IndexInputError(name, row, f"holds a null element: {value}")
    return column


def _first_null_element(column: pa.ChunkedArray) -> list[tuple[int, list[str | None]]]:
    """Find the first row whose list has a null in it, if there is one, with the list."""
    start = 0
    for chunk in column.chunks:
        if chunk.flatten().null_count:
            for row, value in enumerate(chunk.to_pylist()):
                if None in value:
                    return [(start + row, value)]
        start += len(chunk)
    return []


def _same_but_for_width(found: pa.DataType, expected: pa.DataType) -> bool:
    if pat.is_dictionary(found):
        return _same_but_for_width(found.value_type, expected)
    if pat.is_string(expected) or pat.is_large_string(expected):
        return pat.is_string(found) or pat.is_large_string(found) or pat.is_string_view(found)
    is_list = pat.is_list(found) or pat.is_large_list(found)
    return is_list and _same_but_for_width(found.value_type, expected.value_type)
