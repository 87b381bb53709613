"""Relationships: created between entries that the caller may see, and read from either end."""

from collections.abc import Mapping

from hyper_registry.catalog.relationship_rules import RelationshipRules, oriented
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.errors.entry import EntryNotFoundError
from hyper_registry.domain.errors.relationship import (
    DanglingRelationshipError,
    RelationshipExistsError,
    SelfRelationshipError,
)
from hyper_registry.domain.identifiers import EntryKey, RelationshipId
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.domain.relationship import (
    Direction,
    RelatedEntry,
    Relationship,
    RelationshipDraft,
)
from hyper_registry.storage.bulk_store import BulkStore, Edge
from hyper_registry.storage.database import Database
from hyper_registry.storage.entry_store import EntryStore
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.relationship_store import RelationshipStore


class RelationshipService:
    """Reads and writes of relationships on behalf of a principal."""

    def __init__(
        self,
        database: Database,
        entries: EntryStore,
        relationships: RelationshipStore,
        bulk: BulkStore,
        journal: JournalStore,
        rules: RelationshipRules,
    ) -> None:
        self._database = database
        self._entries = entries
        self._relationships = relationships
        self._bulk = bulk
        self._journal = journal
        self._rules = rules

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
        RelationshipRefusedError
            If the definition of the type does not allow it.
        RelationshipExistsError
            If they are related by this type already.
        """
        principal.require(Role.EDITOR, "create relationships")
        async with self._database.transaction() as connection:
            definitions = await self._rules.current(connection)
            draft = oriented(definitions, draft)
            ends = await self._entries.fetch_ends(
                connection, [draft.source_id, draft.target_id], principal.grants
            )
            edge = _edge(draft, ends)
            for error in (await self._rules.refusals(connection, definitions, {0: edge})).values():
                raise error
            created = await self._relationships.insert(
                connection, draft, edge.source, edge.target, principal.name
            )
            if created is None:
                raise _exists(draft)
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

    async def create_many(
        self,
        principal: Principal,
        drafts: Mapping[int, RelationshipDraft],
        *,
        request_id: str | None = None,
    ) -> tuple[dict[int, RelationshipId], dict[int, RegistryError]]:
        """Relate many pairs of entries in one transaction, each table written by one statement.

        Each new relationship has its change row; the batch has one audit row, which counts them.

        Parameters
        ----------
        drafts
            By the number of their row; of several of the same ends and type the first is taken.

        Returns
        -------
        tuple
            By row number, the ids of the new relationships and the errors of the other rows:
            those that `create` raises.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor.
        """
        principal.require(Role.EDITOR, "create relationships")
        async with self._database.transaction() as connection:
            definitions = await self._rules.current(connection)
            drafts = {number: oriented(definitions, draft) for number, draft in drafts.items()}
            ids = {end for draft in drafts.values() for end in (draft.source_id, draft.target_id)}
            ends = await self._entries.fetch_ends(connection, list(ids), principal.grants)
            edges, refused = _resolve(drafts, ends)
            against = await self._rules.refusals(connection, definitions, edges)
            refused |= against
            edges = {number: edge for number, edge in edges.items() if number not in against}
            new = await self._bulk.insert_relationships(
                connection, list(edges.values()), principal.name
            )
            if new:
                await self._journal.append_audit(
                    connection,
                    actor=principal.name,
                    action="relationship.create",
                    target=None,
                    request_id=request_id,
                    detail={"count": len(new)},
                )
        created: dict[int, RelationshipId] = {}
        for number, edge in edges.items():
            if edge.identity in new:
                created[number] = new[edge.identity]
            else:
                refused[number] = _exists(edge.draft)
        return created, refused

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


def _edge(draft: RelationshipDraft, ends: Mapping[str, tuple[EntryKey, str]]) -> Edge:
    if draft.source_id == draft.target_id:
        raise SelfRelationshipError(draft.source_id)
    source, target = ends.get(draft.source_id), ends.get(draft.target_id)
    if source is None:
        raise DanglingRelationshipError("source_id", draft.source_id)
    if target is None:
        raise DanglingRelationshipError("target_id", draft.target_id)
    return Edge(source[0], target[0], draft, source[1], target[1])


def _resolve(
    drafts: Mapping[int, RelationshipDraft], ends: Mapping[str, tuple[EntryKey, str]]
) -> tuple[dict[int, Edge], dict[int, RegistryError]]:
    """Resolve the ends of a batch; rows that cannot be, and repetitions, get their error."""
    edges: dict[int, Edge] = {}
    refused: dict[int, RegistryError] = {}
    seen: set[tuple[EntryKey, EntryKey, str]] = set()
    for number, draft in sorted(drafts.items()):
        try:
            edge = _edge(draft, ends)
        except (SelfRelationshipError, DanglingRelationshipError) as error:
            refused[number] = error
            continue
        if edge.identity in seen:
            refused[number] = _exists(draft)
        else:
            seen.add(edge.identity)
            edges[number] = edge
    return edges, refused


def _exists(draft: RelationshipDraft) -> RelationshipExistsError:
    return RelationshipExistsError(draft.source_id, draft.target_id, draft.rel_type)
