"""Relationships: created between entries that the caller may see, and read from either end."""

from hyper_registry.domain.errors import (
    DanglingRelationshipError,
    EntryNotFoundError,
    RelationshipExistsError,
    SelfRelationshipError,
)
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.domain.relationship import (
    Direction,
    RelatedEntry,
    Relationship,
    RelationshipDraft,
)
from hyper_registry.storage.database import Database
from hyper_registry.storage.entry_store import EntryStore
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.relationship_store import DependedOn, RelationshipStore


class RelationshipService:
    """Reads and writes of relationships on behalf of a principal."""

    def __init__(
        self,
        database: Database,
        entries: EntryStore,
        relationships: RelationshipStore,
        journal: JournalStore,
    ) -> None:
        self._database = database
        self._entries = entries
        self._relationships = relationships
        self._journal = journal

    async def create(
        self, principal: Principal, draft: RelationshipDraft, *, request_id: str | None = None
    ) -> Relationship:
        """Relate two entries, in one transaction with the change and the audit row.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor.
        SelfRelationshipError
            If source and target are the same entry.
        DanglingRelationshipError
            If an end names no entry that the caller may see.
        RelationshipExistsError
            If they are related by this type already.
        """
        principal.require(Role.EDITOR, "create relationships")
        if draft.source_id == draft.target_id:
            raise SelfRelationshipError(draft.source_id)
        async with self._database.transaction() as connection:
            keys = await self._entries.fetch_keys(
                connection, [draft.source_id, draft.target_id], principal.grants
            )
            for field in ("source_id", "target_id"):
                if getattr(draft, field) not in keys:
                    raise DanglingRelationshipError(field, getattr(draft, field))
            created = await self._relationships.insert(
                connection,
                draft,
                keys[draft.source_id],
                keys[draft.target_id],
                principal.name,
            )
            if created is None:
                raise RelationshipExistsError(draft.source_id, draft.target_id, draft.rel_type)
            target = f"{draft.source_id} {draft.rel_type} {draft.target_id}"
            await self._journal.append_change(
                connection,
                subject="relationship",
                key=created.relationship_id,
                subject_id=str(created.relationship_id),
                operation="create",
                version=created.version,
                actor=principal.name,
            )
            await self._journal.append_audit(
                connection,
                actor=principal.name,
                action="relationship.create",
                target=target,
                request_id=request_id,
            )
            return created

    async def list_of(
        self,
        principal: Principal,
        entry_id: str,
        direction: Direction = Direction.BOTH,
        *,
        rel_type: str | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> list[RelatedEntry]:
        """Read relationships of an entry, ordered by id, from after one id on.

        Those whose other end the caller may not see are left out.

        Raises
        ------
        EntryNotFoundError
            If there is no such entry that the caller may see.
        """
        async with self._database.connection() as connection:
            keys = await self._entries.fetch_keys(connection, [entry_id], principal.grants)
            if entry_id not in keys:
                raise EntryNotFoundError(entry_id)
            return await self._relationships.fetch_page(
                connection,
                keys[entry_id],
                direction,
                principal.grants,
                rel_type=rel_type,
                after=after,
                limit=limit,
            )

    async def most_depended_on(
        self, principal: Principal, *, rel_type: str = "depends_on", limit: int = 10
    ) -> list[DependedOn]:
        """Return the entries with the most incoming relationships of one type."""
        async with self._database.connection() as connection:
            return await self._relationships.most_depended_on(
                connection, rel_type, principal.grants, limit
            )
