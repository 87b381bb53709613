"""Reads and writes of relationships."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from hyper_registry.domain.identifiers import EntryKey, RelationshipId
from hyper_registry.domain.relationship import (
    Direction,
    RelatedEntry,
    Relationship,
    RelationshipDraft,
    RelationshipVersion,
)
from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("relationship")


class RelationshipStore:
    """Relationships in Postgres; takes a connection and never commits."""

    async def insert(
        self,
        connection: Connection,
        draft: RelationshipDraft,
        source: EntryKey,
        target: EntryKey,
        actor: str,
    ) -> tuple[Relationship, bytes] | None:
        """Insert a relationship and return it with its checksum; None if it exists already."""
        await connection.execute(_SQL["ensure_type"], draft.rel_type)
        row = await connection.fetchrow(
            _SQL["insert_relationship"],
            source,
            target,
            draft.rel_type,
            draft.bidirectional,
            draft.weight,
            draft.metadata,
            actor,
        )
        if row is None:
            return None
        fields: dict[str, Any] = dict(draft)
        created = Relationship.model_construct(
            **fields,
            relationship_id=RelationshipId(row["relationship_id"]),
            version=row["version"],
            created_at=row["created_at"],
            created_by=actor,
            updated_at=row["created_at"],
            updated_by=actor,
        )
        return created, bytes(row["checksum"])

    async def fetch(
        self,
        connection: Connection,
        relationship_id: RelationshipId,
        grants: list[str] | None,
    ) -> Relationship | None:
        """Read a relationship whose ends live and `grants` may see."""
        row = await connection.fetchrow(_SQL["fetch_relationship"], relationship_id, grants)
        return None if row is None else _relationship(row)

    async def lock(self, connection: Connection, relationship_id: RelationshipId) -> bytes | None:
        """Hold a relationship until the transaction ends and return its checksum."""
        checksum = await connection.fetchval(_SQL["lock_relationship"], relationship_id)
        return None if checksum is None else bytes(checksum)

    async def update(
        self, connection: Connection, held: Relationship, draft: RelationshipDraft, actor: str
    ) -> tuple[Relationship, bytes]:
        """Give a held relationship the weight, direction and metadata of `draft`.

        Returns
        -------
        tuple
            It, and its checksum.
        """
        row = await connection.fetchrow(
            _SQL["update_relationship"],
            held.relationship_id,
            draft.bidirectional,
            draft.weight,
            draft.metadata,
            actor,
        )
        if row is None:
            msg = f"relationship {held.relationship_id} vanished while it was locked"
            raise LookupError(msg)
        written = held.model_copy(
            update={
                "bidirectional": draft.bidirectional,
                "weight": draft.weight,
                "metadata": draft.metadata,
                "version": row["version"],
                "updated_at": row["updated_at"],
                "updated_by": actor,
            }
        )
        return written, bytes(row["checksum"])

    async def delete(
        self, connection: Connection, relationship_id: RelationshipId, actor: str
    ) -> None:
        """Delete a held relationship; its history stays."""
        await connection.execute(_SQL["delete_relationship"], relationship_id, actor)

    async def list_versions(
        self,
        connection: Connection,
        relationship_id: RelationshipId,
        grants: list[str] | None,
        *,
        before: int | None,
        limit: int,
    ) -> list[RelationshipVersion]:
        """Read up to `limit` versions below `before`, newest first."""
        rows = await connection.fetch(_SQL["list_versions"], relationship_id, grants, before, limit)
        return [RelationshipVersion.model_construct(**dict(row)) for row in rows]

    async def fetch_page(
        self,
        connection: Connection,
        key: EntryKey,
        direction: Direction,
        grants: list[str] | None,
        *,
        rel_types: Sequence[str] | None = None,
        after: RelationshipId | None = None,
        limit: int = 100,
    ) -> list[RelatedEntry]:
        """Read up to `limit` relationships of an entry whose ids come after `after`.

        Only those whose other end `grants` may see; ordered by relationship id.
        """
        asked = (key, grants, rel_types, after, limit)
        pages: list[Sequence[asyncpg.Record]] = []
        if direction is not Direction.IN:
            pages.append(await connection.fetch(_SQL["fetch_outgoing"], *asked))
        if direction is not Direction.OUT:
            pages.append(await connection.fetch(_SQL["fetch_incoming"], *asked))
        related = [_related(row) for page in pages for row in page]
        related.sort(key=lambda item: item.relationship.relationship_id)
        return related[:limit]

    async def fetch_page_as_of(
        self,
        connection: Connection,
        key: EntryKey,
        direction: Direction,
        grants: list[str] | None,
        moment: datetime,
        *,
        rel_types: Sequence[str] | None = None,
        after: RelationshipId | None = None,
        limit: int = 100,
    ) -> list[RelatedEntry]:
        """Read relationships as `fetch_page` would have done at `moment`.

        Those are left out whose other end `grants` may not see now.
        """
        rows = await connection.fetch(
            _SQL["fetch_as_of"], key, grants, rel_types, after, limit, moment, direction.value
        )
        return [_related(row) for row in rows]


def _relationship(row: asyncpg.Record) -> Relationship:
    """Build a relationship, whose fields were checked when it was written."""
    return Relationship.model_construct(
        relationship_id=RelationshipId(row["relationship_id"]),
        source_id=row["source_id"],
        target_id=row["target_id"],
        rel_type=row["rel_type"],
        weight=row["weight"],
        bidirectional=row["bidirectional"],
        metadata=row["metadata"],
        version=row["version"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        updated_at=row["updated_at"],
        updated_by=row["updated_by"],
    )


def _related(row: asyncpg.Record) -> RelatedEntry:
    return RelatedEntry.model_construct(
        relationship=_relationship(row),
        direction=Direction(row["direction"]),
        entry_id=row["other_id"],
        title=row["title"],
        category=row["category"],
    )
