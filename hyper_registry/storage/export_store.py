"""Reading the whole registry as rows, for those who take it elsewhere."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime

from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("export")


@dataclass(frozen=True, slots=True)
class ExportedEntry:
    """An entry as an export writes it.

    Attributes
    ----------
    metadata
        JSON text of an object, with placeholders for what is sealed.
    deprecation
        JSON text of an object, if there is one.
    readers
        Who was granted a private entry, as in its security context.
    relationships
        JSON text of an array of links, in the form that an import reads; None if not asked for.
    """

    entry_id: str
    handle: str | None
    category: str
    title: str
    description: str
    status: str
    owner: str | None
    tags: list[str]
    metadata: str
    deprecation: str | None
    compliance_status: str
    visibility: str
    readers: list[str]
    checksum: str
    version: int
    created_at: datetime
    updated_at: datetime
    created_by: str
    updated_by: str
    accessed_at: datetime | None
    embedded: bool
    relationships: str | None


class ExportStore:
    """Streams out of Postgres; takes a connection and never commits."""

    async def stream(
        self,
        connection: Connection,
        grants: list[str] | None,
        model_id: str,
        *,
        categories: Sequence[str] | None,
        links: bool,
        page_rows: int,
    ) -> AsyncGenerator[list[ExportedEntry]]:
        """Yield pages of the living entries that `grants` may see, in order of registration.

        Memory does not grow with their number. The caller's transaction decides which moment
        they show.
        """
        cursor = await connection.cursor(
            _SQL["stream_entries"], grants, model_id, categories, links
        )
        while rows := await cursor.fetch(page_rows):
            # By position: the columns stand in the order of the fields.
            yield [ExportedEntry(*row) for row in rows]
