"""Parquet: one row group a page, handed out while the file grows."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeStubs=false
# pyarrow ships no type information.

import io
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from hyper_registry.catalog.exports.table import LINKS_COLUMN, table_columns
from hyper_registry.storage.export_store import ExportedEntry

_TYPES: dict[str, pa.DataType] = {
    "tags": pa.list_(pa.string()),
    "readers": pa.list_(pa.string()),
    "version": pa.int64(),
    "embedded": pa.bool_(),
    "created_at": pa.timestamp("us", "UTC"),
    "updated_at": pa.timestamp("us", "UTC"),
    "accessed_at": pa.timestamp("us", "UTC"),
}


class ParquetEncoder:
    """Writes a file that an import of Parquet reads back.

    Columns: `tags` and `readers` list<string>, `version` int64, `embedded` bool, the times
    timestamp[us, UTC], all others string; `metadata` and `relationships` are JSON text.

    Parameters
    ----------
    links
        Whether there is a column of relationships.
    """

    def __init__(self, *, links: bool) -> None:
        columns = table_columns(links=links)
        self._schema = pa.schema([(name, _TYPES.get(name, pa.string())) for name in columns])
        self._sink = _Outflow()
        self._writer = pq.ParquetWriter(
            self._sink,
            self._schema,
            compression="zstd",
            use_dictionary=[  # pyright: ignore[reportArgumentType]  # names of columns are as good
                name for name in columns if name not in {"metadata", "description", LINKS_COLUMN}
            ],
        )

    def page(self, entries: Sequence[ExportedEntry]) -> bytes:
        """Return one row group."""
        arrays = [
            pa.array([getattr(entry, field.name) for entry in entries], field.type)
            for field in self._schema
        ]
        self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))
        return self._sink.take()

    def end(self) -> bytes:
        """Return the footer."""
        self._writer.close()
        return self._sink.take()


class _Outflow(io.RawIOBase):
    """Takes what is written until it is taken out; tells the position in the whole file."""

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        view = memoryview(data)  # pyright: ignore[reportArgumentType]  # pyarrow passes buffers
        self._held += view
        self._position += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        return self._position

    def take(self) -> bytes:
        taken, self._held = bytes(self._held), bytearray()
        return taken
