"""Merges of duplicates, with what is needed to undo them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from hyper_registry.domain.entry import SecurityContext, Visibility
from hyper_registry.domain.handle import namespace_of
from hyper_registry.domain.identifiers import EntryId, EntryKey, RelationshipId
from hyper_registry.domain.merge import DroppedRelationship, Merge, MergedPermissions
from hyper_registry.domain.namespace import MergedEntry
from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("merge")


@dataclass(frozen=True, slots=True)
class PairedEntry:
    """What a merge needs to know of one of two entries that it holds."""

    key: EntryKey
    entry_id: EntryId
    version: int
    security: SecurityContext
    readers: list[str]
    namespace: str | None


@dataclass(frozen=True, slots=True)
class RelationshipRow:
    """A relationship of one of the two, with the ids of its ends."""

    relationship_id: RelationshipId
    source: EntryKey
    target: EntryKey
    rel_type: str
    weight: float
    source_id: EntryId
    target_id: EntryId


@dataclass(frozen=True, slots=True)
class StoredMerge:
    """A merge with what undoing it needs."""

    merge: Merge
    survivor_key: EntryKey
    duplicate_key: EntryKey
    survivor_lives: bool
    namespaces: tuple[str | None, str | None]
    security_before: SecurityContext | None
    security_after: SecurityContext | None


class MergeStore:
    """Merges in Postgres; takes a connection and never commits."""

    async def lock_pair(
        self, connection: Connection, entry_ids: Sequence[str], grants: list[str] | None
    ) -> dict[str, PairedEntry]:
        """Hold living entries that `grants` may see, so that nothing is related to them."""
        rows = await connection.fetch(_SQL["lock_pair"], list(entry_ids), grants)
        return {
            row["entry_id"]: PairedEntry(
                EntryKey(row["entry_key"]),
                EntryId(row["entry_id"]),
                row["version"],
                SecurityContext.model_construct(
                    visibility=Visibility(row["visibility"]), readers=tuple(row["granted"])
                ),
                row["readers"],
                namespace_of(row["handle"]),
            )
            for row in rows
        }

    async def lock_relationships(
        self, connection: Connection, keys: Sequence[EntryKey]
    ) -> list[RelationshipRow]:
        """Hold all relationships of some entries."""
        rows = await connection.fetch(_SQL["lock_relationships"], list(keys))
        return [
            RelationshipRow(
                RelationshipId(row["relationship_id"]),
                EntryKey(row["source_key"]),
                EntryKey(row["target_key"]),
                row["rel_type"],
                row["weight"],
                EntryId(row["source_id"]),
                EntryId(row["target_id"]),
            )
            for row in rows
        ]

    async def insert(
        self,
        connection: Connection,
        survivor: EntryKey,
        duplicate: EntryKey,
        permissions: MergedPermissions,
        security: tuple[SecurityContext, SecurityContext] | None,
        actor: str,
    ) -> tuple[UUID, datetime]:
        """Keep a merge and return its id and time.

        Parameters
        ----------
        security
            That of the survivor before and after, where the merge changes it.
        """
        before, after = (
            (None, None)
            if security is None
            else (each.model_dump(mode="json") for each in security)
        )
        row = await connection.fetchrow(
            _SQL["insert_merge"], survivor, duplicate, permissions.value, before, after, actor
        )
        assert row is not None
        return row["merge_id"], row["merged_at"]

    async def keep_relationships(
        self,
        connection: Connection,
        merge_id: UUID,
        touched: Mapping[RelationshipId, str | None],
    ) -> None:
        """Keep what relationships are, each with why it is dropped, None for one that moves."""
        await connection.execute(
            _SQL["keep_relationships"], merge_id, list(touched), list(touched.values())
        )

    async def drop_relationships(
        self, connection: Connection, ids: Sequence[RelationshipId], actor: str
    ) -> None:
        """Delete relationships."""
        await connection.execute(_SQL["drop_relationships"], list(ids), actor)

    async def move_relationships(
        self,
        connection: Connection,
        moves: Sequence[tuple[RelationshipId, EntryKey, EntryKey]],
        actor: str,
    ) -> None:
        """Give relationships other sources and targets."""
        ids, sources, targets = zip(*moves, strict=True) if moves else ((), (), ())
        await connection.execute(
            _SQL["move_relationships"], list(ids), list(sources), list(targets), actor
        )

    async def mark_merged(
        self, connection: Connection, duplicate: EntryKey, survivor: EntryKey, actor: str
    ) -> None:
        """Let a held duplicate be gone into its survivor."""
        await connection.execute(_SQL["mark_merged"], duplicate, survivor, actor)

    async def unmark_merged(self, connection: Connection, duplicate: EntryKey, actor: str) -> None:
        """Let a held duplicate live again as it was."""
        await connection.execute(_SQL["unmark_merged"], duplicate, actor)

    async def fetch(
        self, connection: Connection, merge_id: UUID, grants: list[str] | None
    ) -> StoredMerge | None:
        """Read a merge of entries that `grants` may see."""
        row = await connection.fetchrow(_SQL["fetch_merge"], merge_id, grants)
        return None if row is None else _merge(row)

    async def lock(self, connection: Connection, merge_id: UUID) -> None:
        """Hold a merge and both its entries."""
        await connection.fetch(_SQL["lock_merge"], merge_id)

    async def list_changed_since(
        self, connection: Connection, merge_id: UUID, grants: list[str] | None
    ) -> tuple[list[RelationshipId], bool]:
        """Tell which relationships of a merge are not as it left them, 100 at most.

        Those that `grants` may not see are left out; whether there are such comes second.
        """
        rows = await connection.fetch(_SQL["list_changed_since"], merge_id, grants)
        seen = [RelationshipId(row["relationship_id"]) for row in rows if row["visible"]]
        return seen, len(seen) < len(rows)

    async def bring_back(
        self, connection: Connection, merge_id: UUID, actor: str
    ) -> list[RelationshipId]:
        """Undo what a merge did to relationships, and return those that cannot be."""
        await connection.execute(_SQL["move_back"], merge_id, actor)
        rows = await connection.fetch(_SQL["bring_back"], merge_id, actor)
        return [RelationshipId(row["relationship_id"]) for row in rows]

    async def end(self, connection: Connection, merge_id: UUID, actor: str) -> None:
        """Note that a merge was undone."""
        await connection.execute(_SQL["end_merge"], merge_id, actor)

    async def resolve(
        self, connection: Connection, entry_id: str, grants: list[str] | None
    ) -> EntryId | None:
        """Find the living entry that another one was merged into, if `grants` may see it."""
        found: str | None = await connection.fetchval(_SQL["resolve_merged"], entry_id, grants)
        return None if found is None else EntryId(found)

    async def list_merged(
        self, connection: Connection, entry_id: str, grants: list[str] | None
    ) -> list[MergedEntry]:
        """Read what was merged into a living entry and `grants` may see, the latest first."""
        rows = await connection.fetch(_SQL["list_merged"], entry_id, grants)
        return [MergedEntry(**dict(row)) for row in rows]


def _merge(row: Any) -> StoredMerge:
    merge = Merge(
        merge_id=row["merge_id"],
        survivor_id=row["survivor_id"],
        duplicate_id=row["duplicate_id"],
        permissions=MergedPermissions(row["permissions"]),
        moved=row["moved"],
        dropped=tuple(DroppedRelationship.model_validate(each) for each in row["dropped"]),
        merged_at=row["merged_at"],
        merged_by=row["merged_by"],
        undone_at=row["undone_at"],
        undone_by=row["undone_by"],
    )
    before, after = (
        None if row[name] is None else SecurityContext.model_validate(row[name])
        for name in ("security_before", "security_after")
    )
    return StoredMerge(
        merge,
        EntryKey(row["survivor_key"]),
        EntryKey(row["duplicate_key"]),
        row["survivor_lives"],
        (namespace_of(row["survivor_handle"]), namespace_of(row["duplicate_handle"])),
        before,
        after,
    )
