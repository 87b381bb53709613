"""Reads and writes of relationships."""

from collections.abc import Sequence

import asyncpg

from hyper_registry.domain.identifiers import EntryKey, RelationshipId
from hyper_registry.domain.relationship import (
    Direction,
    RelatedEntry,
    Relationship,
    RelationshipDraft,
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
    ) -> Relationship | None:
        """Insert a relationship; None if source, target and type are related already."""
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
        return Relationship(
            **draft.model_dump(),
            relationship_id=RelationshipId(row["relationship_key"]),
            version=row["version"],
            created_at=row["created_at"],
            created_by=actor,
        )

    async def fetch_page(
        self,
        connection: Connection,
        key: EntryKey,
        direction: Direction,
        grants: list[str] | None,
        *,
        rel_type: str | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> list[RelatedEntry]:
        """Read up to `limit` relationships of an entry whose ids come after `after`.

        Only those whose other end `grants` may see; ordered by relationship id.
        """
        pages: list[Sequence[asyncpg.Record]] = []
        if direction is not Direction.IN:
            pages.append(
                await connection.fetch(_SQL["fetch_outgoing"], key, grants, rel_type, after, limit)
            )
        if direction is not Direction.OUT:
            pages.append(
                await connection.fetch(_SQL["fetch_incoming"], key, grants, rel_type, after, limit)
            )
        related = [_related(row) for page in pages for row in page]
        related.sort(key=lambda item: item.relationship.relationship_id)
        return related[:limit]


def _related(row: asyncpg.Record) -> RelatedEntry:
    relationship = Relationship(
        relationship_id=RelationshipId(row["relationship_key"]),
        source_id=row["source_id"],
        target_id=row["target_id"],
        rel_type=row["rel_type"],
        weight=row["weight"],
        bidirectional=row["bidirectional"],
        metadata=row["metadata"],
        version=row["version"],
        created_at=row["created_at"],
        created_by=row["created_by"],
    )
    return RelatedEntry(
        relationship=relationship,
        direction=Direction(row["direction"]),
        entry_id=row["other_id"],
        title=row["title"],
        category=row["category"],
    )
