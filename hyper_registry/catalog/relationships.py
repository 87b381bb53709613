"""Relationships between entries that the caller may see: created, changed, read from either end."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from hyper_registry.catalog.batch_digest import batch_digest
from hyper_registry.catalog.patching import patched
from hyper_registry.catalog.relationship_reads import RelationshipReadMethods
from hyper_registry.catalog.relationship_rules import (
    RelationshipRules,
    oriented,
    require_writing_from,
)
from hyper_registry.domain.errors.access import PermissionDeniedError
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.errors.entry import check_version
from hyper_registry.domain.errors.input import BulkRejectedError
from hyper_registry.domain.errors.relationship import (
    DanglingRelationshipError,
    RelationshipEndsError,
    RelationshipExistsError,
    RelationshipNotFoundError,
    SelfRelationshipError,
)
from hyper_registry.domain.identifiers import EntryKey, RelationshipId
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.domain.relationship import Relationship, RelationshipDraft, single_precision
from hyper_registry.domain.type_definitions import TypeDefinitions
from hyper_registry.storage.bulk_store import BulkStore, Edge
from hyper_registry.storage.database import Connection, Database
from hyper_registry.storage.entry_store import EndOfRelationship, EntryStore
from hyper_registry.storage.history_store import HistoryStore
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.relationship_store import RelationshipStore


@dataclass(frozen=True, slots=True)
class _Held:
    """A relationship that the transaction has locked, and the hash of its content."""

    relationship: Relationship
    checksum: bytes


class RelationshipService(RelationshipReadMethods):
    """Reads and writes of relationships on behalf of a principal."""

    def __init__(
        self,
        database: Database,
        entries: EntryStore,
        relationships: RelationshipStore,
        bulk: BulkStore,
        journal: JournalStore,
        history: HistoryStore,
        rules: RelationshipRules,
    ) -> None:
        self._database = database
        self._history = history
        self._entries = entries
        self._relationships = relationships
        self._bulk = bulk
        self._journal = journal
        self._rules = rules

    async def create(
        self, principal: Principal, draft: RelationshipDraft, *, request_id: str | None = None
    ) -> Relationship:
        """Relate two entries, in one transaction with the audit row.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor, neither everywhere nor in the namespace of the source.
        SelfRelationshipError
            If source and target are the same entry.
        DanglingRelationshipError
            If an end names no entry that the caller may see.
        RelationshipRefusedError
            If the definition of the type does not allow it.
        RelationshipExistsError
            If they are related by this type already.
        """
        principal.require_some_writing("create relationships")
        async with self._database.transaction() as connection:
            definitions = await self._rules.current(connection)
            draft = oriented(definitions, draft)
            ends = await self._entries.fetch_ends(
                connection, [draft.source_id, draft.target_id], principal.grants
            )
            edge = _edge(principal, definitions, draft, ends)
            for error in (await self._rules.refusals(connection, definitions, {0: edge})).values():
                raise error
            inserted = await self._relationships.insert(
                connection, draft, edge.source, edge.target, principal.name
            )
            if inserted is None:
                raise _exists(draft)
            created, checksum = inserted
            await self._journal.append_audit(
                connection,
                actor=principal.name,
                action="relationship.create",
                target=_target(created),
                request_id=request_id,
                after_hash=checksum,
            )
            return created

    async def create_many(
        self,
        principal: Principal,
        drafts: Mapping[int, RelationshipDraft],
        *,
        atomic: bool = False,
        request_id: str | None = None,
    ) -> tuple[dict[int, RelationshipId], dict[int, RegistryError]]:
        """Relate many pairs of entries in one transaction, by one statement and one audit row.

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
            If the caller is no editor, be it in a namespace.
        """
        principal.require_some_writing("create relationships")
        async with self._database.transaction() as connection:
            definitions = await self._rules.current(connection)
            drafts = {number: oriented(definitions, draft) for number, draft in drafts.items()}
            ids = {end for draft in drafts.values() for end in (draft.source_id, draft.target_id)}
            ends = await self._entries.fetch_ends(connection, list(ids), principal.grants)
            edges, refused = _resolve(principal, definitions, drafts, ends)
            against = await self._rules.refusals(connection, definitions, edges)
            refused |= against
            edges = {number: edge for number, edge in edges.items() if number not in against}
            written = await self._bulk.insert_relationships(
                connection, list(edges.values()), principal.name
            )
            refused |= {
                number: _exists(edge.draft)
                for number, edge in edges.items()
                if edge.identity not in written
            }
            if atomic and refused:
                raise BulkRejectedError(
                    tuple((row, error.code, str(error)) for row, error in sorted(refused.items()))
                )
            if written:
                await self._journal.append_audit(
                    connection,
                    actor=principal.name,
                    action="relationship.bulk_create",
                    target=None,
                    request_id=request_id,
                    after_hash=batch_digest(
                        (str(new.relationship_id), new.version, new.checksum)
                        for new in written.values()
                    ),
                    detail={"created": len(written)},
                )
        created = {
            number: written[edge.identity].relationship_id
            for number, edge in edges.items()
            if edge.identity in written
        }
        return created, refused

    async def replace(
        self,
        principal: Principal,
        relationship_id: RelationshipId,
        draft: RelationshipDraft,
        *,
        expected_versions: Collection[int] | None = None,
        request_id: str | None = None,
    ) -> Relationship:
        """Replace weight, direction and metadata of a relationship; equal ones change nothing.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor, neither everywhere nor in the namespace of the source.
        RelationshipNotFoundError
            If there is none, or the caller may not see one of its ends.
        RelationshipEndsError
            If the draft has other ends or another type.
        VersionConflictError
            If the relationship is at none of the `expected_versions`.
        """
        principal.require_some_writing("update relationships")
        async with self._database.transaction() as connection:
            held = await self._hold(
                connection, principal, relationship_id, expected_versions, "update relationships"
            )
            return await self._update(connection, principal, held, draft, request_id)

    async def patch(
        self,
        principal: Principal,
        relationship_id: RelationshipId,
        patch: Mapping[str, JsonValue],
        *,
        expected_versions: Collection[int] | None = None,
        request_id: str | None = None,
    ) -> Relationship:
        """Change what an RFC 7386 merge patch names; what comes of it is validated as a whole.

        Raises
        ------
        InvalidFieldError
            If the result has a field that it may not have so.
        PermissionDeniedError, RelationshipNotFoundError, RelationshipEndsError
            As `replace`.
        VersionConflictError
            As `replace`.
        """
        principal.require_some_writing("update relationships")
        async with self._database.transaction() as connection:
            held = await self._hold(
                connection, principal, relationship_id, expected_versions, "update relationships"
            )
            draft = patched(RelationshipDraft, held.relationship, patch)
            return await self._update(connection, principal, held, draft, request_id)

    async def delete(
        self,
        principal: Principal,
        relationship_id: RelationshipId,
        *,
        expected_versions: Collection[int] | None = None,
        request_id: str | None = None,
    ) -> None:
        """Delete a relationship; its history stays.

        Raises
        ------
        PermissionDeniedError, RelationshipNotFoundError, VersionConflictError
            As `replace`.
        """
        principal.require_some_writing("delete relationships")
        async with self._database.transaction() as connection:
            held = await self._hold(
                connection, principal, relationship_id, expected_versions, "delete relationships"
            )
            await self._relationships.delete(connection, relationship_id, principal.name)
            await self._journal.append_audit(
                connection,
                actor=principal.name,
                action="relationship.delete",
                target=_target(held.relationship),
                request_id=request_id,
                before_hash=held.checksum,
            )

    async def _hold(
        self,
        connection: Connection,
        principal: Principal,
        relationship_id: RelationshipId,
        expected_versions: Collection[int] | None,
        action: str,
    ) -> _Held:
        checksum = await self._relationships.lock(connection, relationship_id)
        if checksum is None:
            raise RelationshipNotFoundError(str(relationship_id))
        held = await self._fetch(connection, principal, relationship_id)
        if not principal.holds(Role.EDITOR):
            ids = [held.source_id, held.target_id]
            ends = await self._entries.fetch_ends(connection, ids, principal.grants)
            if not ends.keys() >= set(ids):
                raise RelationshipNotFoundError(str(relationship_id))
            require_writing_from(
                principal,
                await self._rules.current(connection),
                held.rel_type,
                (ends[held.source_id], ends[held.target_id]),
                action,
            )
        check_version(str(relationship_id), expected_versions, held.version)
        return _Held(held, checksum)

    async def _update(
        self,
        connection: Connection,
        principal: Principal,
        held: _Held,
        draft: RelationshipDraft,
        request_id: str | None,
    ) -> Relationship:
        present = held.relationship
        draft = oriented(await self._rules.current(connection), draft)
        for field in ("source_id", "target_id", "rel_type"):
            if getattr(draft, field) != getattr(present, field):
                raise RelationshipEndsError(field, getattr(present, field), getattr(draft, field))
        stored = draft.model_copy(update={"weight": single_precision(draft.weight)})
        if all(getattr(present, field) == value for field, value in stored):
            return present
        updated, checksum = await self._relationships.update(
            connection, present, stored, principal.name
        )
        await self._journal.append_audit(
            connection,
            actor=principal.name,
            action="relationship.update",
            target=_target(present),
            request_id=request_id,
            before_hash=held.checksum,
            after_hash=checksum,
        )
        return updated


def _target(relationship: RelationshipDraft) -> str:
    """Name a relationship in the audit log."""
    return f"{relationship.source_id} {relationship.rel_type} {relationship.target_id}"


def _edge(
    principal: Principal,
    definitions: TypeDefinitions,
    draft: RelationshipDraft,
    ends: Mapping[str, EndOfRelationship],
) -> Edge:
    if draft.source_id == draft.target_id:
        raise SelfRelationshipError(draft.source_id)
    source, target = ends.get(draft.source_id), ends.get(draft.target_id)
    if source is None:
        raise DanglingRelationshipError("source_id", draft.source_id)
    if target is None:
        raise DanglingRelationshipError("target_id", draft.target_id)
    require_writing_from(
        principal, definitions, draft.rel_type, (source, target), "create relationships"
    )
    return Edge(source.key, target.key, draft, source.category, target.category)


def _resolve(
    principal: Principal,
    definitions: TypeDefinitions,
    drafts: Mapping[int, RelationshipDraft],
    ends: Mapping[str, EndOfRelationship],
) -> tuple[dict[int, Edge], dict[int, RegistryError]]:
    """Resolve the ends of a batch; rows that cannot be, and repetitions, get their error."""
    edges: dict[int, Edge] = {}
    refused: dict[int, RegistryError] = {}
    seen: set[tuple[EntryKey, EntryKey, str]] = set()
    for number, draft in sorted(drafts.items()):
        try:
            edge = _edge(principal, definitions, draft, ends)
        except (SelfRelationshipError, DanglingRelationshipError, PermissionDeniedError) as error:
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
