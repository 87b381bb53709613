"""Writes of whole batches: one statement a table, whatever the number of rows."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString, NamedTuple, Self, TypeVar

import asyncpg
import orjson

from hyper_registry.domain.entry import ComplianceStatus, Entry, EntryDraft
from hyper_registry.domain.entry_status import EntryStatus
from hyper_registry.domain.errors.identity import HandlesContendedError
from hyper_registry.domain.handle import namespace_of
from hyper_registry.domain.identifiers import EntryId, EntryKey, RelationshipId
from hyper_registry.domain.relationship import RelationshipDraft, single_precision
from hyper_registry.storage.database import Connection
from hyper_registry.storage.entry_store import WrittenEntry, optional_status
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("bulk")
Row = TypeVar("Row")
# Both sides hold a statement's rows in memory, and a value ends at 1 GiB.
# What another transaction does to the names of a batch, which had looked at them before.
_NAMES_CONTENDED = (
    asyncpg.UniqueViolationError,
    asyncpg.ForeignKeyViolationError,
    asyncpg.DeadlockDetectedError,
)
_STATEMENT_BYTES = 16 * 1024 * 1024


class EntryRow(NamedTuple):
    """An entry of a batch; what is derived from its draft is computed once.

    Attributes
    ----------
    metadata_bytes
        Size of the metadata as JSON.
    columns
        What is stored, in the order of the parameters of the statements that write it.
    """

    entry_id: EntryId
    draft: EntryDraft
    checksum: bytes
    metadata_bytes: int
    columns: tuple[str | None, ...]

    @classmethod
    def of(cls, entry_id: EntryId, draft: EntryDraft) -> Self:
        """Return the row of a draft that is to be written under `entry_id`."""
        metadata = draft.canonical_metadata
        checksum = draft.checksum_with(metadata)
        columns = (
            entry_id,
            draft.category,
            draft.title,
            draft.description,
            draft.status,
            draft.owner,
            array_literal(draft.tags),
            metadata.decode(),
            None if draft.deprecation is None else draft.deprecation.model_dump_json(),
            draft.compliance_status,
            draft.security.visibility,
            array_literal(draft.security.readers),
            array_literal(draft.readers),
            _bytea(checksum),
            _bytea(draft.embedding_input_hash),
            draft.handle,
            draft.handle_form,
        )
        return cls(entry_id, draft, checksum, len(metadata), columns)


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
    handle: str | None

    @property
    def namespace(self) -> str | None:
        """The form of the namespace that the entry is in."""
        return namespace_of(self.handle)


@dataclass(frozen=True, slots=True)
class HeldNames:
    """Which of some names are, or were, whose, and which of their namespaces exist; by form."""

    holders: dict[str, EntryId]
    namespaces: frozenset[str]


class EntryEvent(NamedTuple):
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

    async def hold_names(self, connection: Connection, forms: Sequence[str]) -> HeldNames:
        """Tell whose handles of these forms are, and which of their namespaces exist.

        No other batch gives these handles until the transaction ends.
        """
        await connection.execute(_SQL["hold_names"], list(forms))
        row = await connection.fetchrow(
            _SQL["fetch_names"], list(forms), list({form.partition("/")[0] for form in forms})
        )
        assert row is not None
        return HeldNames(
            dict(zip(row["forms"], map(EntryId, row["entry_ids"]), strict=True)),
            frozenset(row["namespaces"]),
        )

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
                handle=record["handle"],
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
        for part in _parts(map(_edge_document, ordered), len):
            records = await connection.fetch(
                _SQL["insert_relationships"], (b"[" + b",".join(part) + b"]").decode(), actor
            )
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
    for part in _parts((row.columns for row in ordered), _size):
        try:
            records = await connection.fetch(query, *zip(*part, strict=True), actor)
        except _NAMES_CONTENDED as error:
            if not any(row.draft.handle for row in ordered):
                raise
            raise HandlesContendedError(len(ordered)) from error
        for record in records:
            entry_id, *values = record
            written[entry_id] = WrittenEntry(*values)
    return written


def _size(columns: tuple[str | None, ...]) -> int:
    return sum(map(len, filter(None, columns)))


def _bytea(value: bytes) -> str:
    return f"\\x{value.hex()}"


def array_literal(values: Sequence[str]) -> str:
    r"""Return an array of text as Postgres reads it, for rows whose arrays differ in length.

    Examples
    --------
    >>> print(array_literal(["a", 'b "c"']))
    {"a","b \"c\""}
    """
    if not values:
        return "{}"
    quoted = [value.replace("\\", r"\\").replace('"', r"\"") for value in values]
    return '{"' + '","'.join(quoted) + '"}'


def _edge_document(edge: Edge) -> bytes:
    columns = {
        "source_key": edge.source,
        "target_key": edge.target,
        "rel_type": edge.draft.rel_type,
        "bidirectional": edge.draft.bidirectional,
        # Read as text, a number that single precision would round to 0 is an error.
        "weight": single_precision(edge.draft.weight),
        "metadata": edge.draft.metadata,
    }
    return orjson.dumps(columns)


def _parts(rows: Iterable[Row], size_of: Callable[[Row], int]) -> Iterator[list[Row]]:
    """Yield the rows in lists, each small enough for one statement."""
    part: list[Row] = []
    total = 0
    for row in rows:
        size = size_of(row)
        if part and total + size > _STATEMENT_BYTES:
            yield part
            part, total = [], 0
        part.append(row)
        total += size
    if part:
        yield part
