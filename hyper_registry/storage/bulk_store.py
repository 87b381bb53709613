"""Writes of whole batches: one statement a table, whatever the number of rows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString, Self

import orjson

from hyper_registry.domain.entry import ComplianceStatus, Entry, EntryDraft
from hyper_registry.domain.entry_status import EntryStatus
from hyper_registry.domain.identifiers import EntryId, EntryKey, RelationshipId
from hyper_registry.domain.relationship import RelationshipDraft, single_precision
from hyper_registry.storage.database import Connection
from hyper_registry.storage.entry_store import WrittenEntry, optional_status, written_entry
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("bulk")
# Both sides hold a statement's rows in memory, and a value ends at 1 GiB.
_STATEMENT_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class EntryRow:
    """An entry of a batch; what is derived from its draft is computed once."""

    entry_id: EntryId
    draft: EntryDraft
    document: dict[str, Any]
    checksum: bytes

    @classmethod
    def of(cls, entry_id: EntryId, draft: EntryDraft) -> Self:
        """Return the row of a draft that is to be written under `entry_id`."""
        document = draft.model_dump(mode="json") | {"entry_id": entry_id}
        return cls(entry_id, draft, document, draft.checksum)


@dataclass(frozen=True, slots=True)
class HeldEntry:
    """What a writer needs to know of an entry it holds, which may be deleted."""

    version: int
    checksum: bytes
    deleted: bool
    category: str
    status: EntryStatus
    metadata: dict[str, Any]
    assessed_status: ComplianceStatus | None


@dataclass(frozen=True, slots=True)
class EntryEvent:
    """What was written of an entry."""

    row: EntryRow
    written: WrittenEntry

    def entry(self, actor: str) -> Entry:
        """Return the entry that `actor` wrote."""
        row = self.row
        return self.written.entry(row.entry_id, row.draft, row.checksum, actor)


@dataclass(frozen=True, slots=True)
class Edge:
    """A relationship with its ends resolved."""

    source: EntryKey
    target: EntryKey
    draft: RelationshipDraft
    source_category: str
    target_category: str

    @property
    def identity(self) -> tuple[EntryKey, EntryKey, str]:
        """What no two relationships share."""
        return self.source, self.target, self.draft.rel_type


@dataclass(frozen=True, slots=True)
class WrittenRelationship:
    """What a write of a relationship gave back."""

    relationship_id: RelationshipId
    version: int
    checksum: bytes


class BulkStore:
    """Batches in Postgres; takes a connection and never commits."""

    async def insert_entries(
        self, connection: Connection, rows: Iterable[EntryRow], actor: str
    ) -> dict[EntryId, WrittenEntry]:
        """Insert entries; those whose id is taken, be it by a deleted entry, are left out."""
        return await _write_entries(connection, _SQL["insert_entries"], rows, actor)

    async def lock_entries(
        self, connection: Connection, entry_ids: Iterable[EntryId], grants: list[str] | None
    ) -> dict[EntryId, HeldEntry]:
        """Hold entries, deleted ones too, that `grants` may see until the transaction ends."""
        records = await connection.fetch(_SQL["lock_entries"], list(entry_ids), grants)
        return {
            EntryId(record["entry_id"]): HeldEntry(
                version=record["version"],
                checksum=bytes(record["checksum"]),
                deleted=record["deleted"],
                category=record["category"],
                status=EntryStatus(record["status"]),
                metadata=record["metadata"],
                assessed_status=optional_status(record["assessed_status"]),
            )
            for record in records
        }

    async def replace_entries(
        self, connection: Connection, rows: Iterable[EntryRow], actor: str
    ) -> dict[EntryId, WrittenEntry]:
        """Replace what people write of held entries; deleted ones live again."""
        return await _write_entries(connection, _SQL["replace_entries"], rows, actor)

    async def delete_entries(
        self, connection: Connection, entry_ids: Iterable[EntryId], actor: str
    ) -> dict[EntryId, int]:
        """Mark held entries deleted and return their last versions."""
        records = await connection.fetch(_SQL["delete_entries"], list(entry_ids), actor)
        return {EntryId(record["entry_id"]): record["version"] for record in records}

    async def insert_relationships(
        self, connection: Connection, edges: Sequence[Edge], actor: str
    ) -> dict[tuple[EntryKey, EntryKey, str], WrittenRelationship]:
        """Insert relationships.

        Parameters
        ----------
        edges
            No two of the same identity.

        Returns
        -------
        dict
            The new ones by identity; those that existed are left out.
        """
        types = sorted({edge.draft.rel_type for edge in edges})
        await connection.execute(_SQL["ensure_types"], types)
        created: dict[tuple[EntryKey, EntryKey, str], WrittenRelationship] = {}
        ordered = sorted(edges, key=lambda edge: (edge.source, edge.target))
        for part in _statements(map(_edge_columns, ordered)):
            records = await connection.fetch(_SQL["insert_relationships"], part, actor)
            for record in records:
                identity = (record["source_key"], record["target_key"], record["rel_type"])
                created[identity] = WrittenRelationship(
                    RelationshipId(record["relationship_id"]),
                    record["version"],
                    bytes(record["checksum"]),
                )
        return created


async def _write_entries(
    connection: Connection, query: LiteralString, rows: Iterable[EntryRow], actor: str
) -> dict[EntryId, WrittenEntry]:
    written: dict[EntryId, WrittenEntry] = {}
    # In one order over all parts, as within each of them.
    ordered = sorted(rows, key=lambda row: row.entry_id)
    for part in _statements(map(_entry_columns, ordered)):
        for record in await connection.fetch(query, part, actor):
            written[EntryId(record["entry_id"])] = written_entry(record)
    return written


def _entry_columns(row: EntryRow) -> dict[str, Any]:
    return {
        "document": row.document,
        "readers": row.draft.readers,
        "checksum": _bytea(row.checksum),
        "embedding_input_hash": _bytea(row.draft.embedding_input_hash),
    }


def _edge_columns(edge: Edge) -> dict[str, Any]:
    return {
        "source_key": edge.source,
        "target_key": edge.target,
        "rel_type": edge.draft.rel_type,
        "bidirectional": edge.draft.bidirectional,
        # Read as text, a number that single precision would round to 0 is an error.
        "weight": single_precision(edge.draft.weight),
        "metadata": edge.draft.metadata,
    }


def _bytea(value: bytes) -> str:
    return f"\\x{value.hex()}"


def _statements(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield the rows as JSON arrays, each small enough for one statement."""
    part: list[bytes] = []
    size_bytes = 0
    for row in map(orjson.dumps, rows):
        if part and size_bytes + len(row) > _STATEMENT_BYTES:
            yield _array(part)
            part, size_bytes = [], 0
        part.append(row)
        size_bytes += len(row)
    if part:
        yield _array(part)


def _array(rows: Sequence[bytes]) -> str:
    return (b"[" + b",".join(rows) + b"]").decode()
