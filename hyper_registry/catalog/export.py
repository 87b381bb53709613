"""Taking the registry elsewhere: one moment of it, as a stream."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from enum import StrEnum
from typing import assert_never

from hyper_registry.catalog.exports.csv_table import CsvEncoder
from hyper_registry.catalog.exports.encoder import ExportEncoder
from hyper_registry.catalog.exports.ndjson import NdjsonEncoder
from hyper_registry.catalog.exports.parquet import ParquetEncoder
from hyper_registry.catalog.garbage import collected_rarely
from hyper_registry.domain.principal import Principal
from hyper_registry.storage.database import Database
from hyper_registry.storage.export_store import ExportStore

_PAGE_ROWS = 2_000
_ROW_GROUP_ROWS = 20_000


class ExportFormat(StrEnum):
    """The kinds of files that an export can be."""

    NDJSON = "ndjson"
    CSV = "csv"
    PARQUET = "parquet"


class ExportService:
    """Streams the entries that a principal may see, all as of one moment."""

    def __init__(self, database: Database, store: ExportStore, model_id: str) -> None:
        self._database = database
        self._store = store
        self._model_id = model_id

    async def stream(
        self,
        principal: Principal,
        kind: ExportFormat,
        *,
        categories: Sequence[str] | None = None,
        links: bool = False,
    ) -> AsyncGenerator[bytes]:
        """Yield a file's bytes; what an import reads back to equal entries.

        Everything comes from one snapshot, whatever is written meanwhile, and memory does not
        grow with the number of entries. Postgres keeps old row versions until the stream ends.

        Parameters
        ----------
        categories
            Which to give; None gives all.
        links
            Whether each entry brings the relationships that start at it.

        Raises
        ------
        DatabaseUnavailableError
            If Postgres is away, or goes away on the way.
        """
        encoder = _encoder(kind, links=links)
        page_rows = _ROW_GROUP_ROWS if kind is ExportFormat.PARQUET else _PAGE_ROWS
        with collected_rarely():
            async with self._database.snapshot(principal.grants) as connection:
                pages = self._store.stream(
                    connection,
                    principal.grants,
                    self._model_id,
                    categories=categories,
                    links=links,
                    page_rows=page_rows,
                )
                encoding: asyncio.Future[bytes] | None = None
                async with aclosing(pages):
                    # One page is encoded in a thread while the next one is read.
                    async for page in pages:
                        encoded = None if encoding is None else await encoding
                        encoding = asyncio.ensure_future(asyncio.to_thread(encoder.page, page))
                        if encoded is not None:
                            yield encoded
                if encoding is not None:
                    yield await encoding
            yield await asyncio.to_thread(encoder.end)


def _encoder(kind: ExportFormat, *, links: bool) -> ExportEncoder:
    match kind:
        case ExportFormat.NDJSON:
            return NdjsonEncoder()
        case ExportFormat.CSV:
            return CsvEncoder(links=links)
        case ExportFormat.PARQUET:
            return ParquetEncoder(links=links)
        case _:
            assert_never(kind)
