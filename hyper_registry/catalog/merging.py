"""Duplicates: merged into the entry that goes on for both, and brought back."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from hyper_registry.catalog.entries import EntryService
from hyper_registry.catalog.entry_rules import EntryRules
from hyper_registry.catalog.merge_plan import HeldRelationship, MergePlan, plan_merge
from hyper_registry.domain.entry import Entry, draft_of
from hyper_registry.domain.errors.entry import EntryNotFoundError, check_version
from hyper_registry.domain.errors.identity import (
    MergeNotFoundError,
    MergeSelfError,
    MergeUndoConflictError,
    MergeWidensReadersError,
)
from hyper_registry.domain.identifiers import RelationshipId
from hyper_registry.domain.merge import Merge, MergedPermissions, are_within, united
from hyper_registry.domain.principal import Principal
from hyper_registry.storage.database import Connection, Database
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.merge_store import MergeStore, PairedEntry, StoredMerge


@dataclass(frozen=True, slots=True)
class _Pair:
    survivor: PairedEntry
    duplicate: PairedEntry


class MergeService:
    """Merges entries and undoes it on behalf of a principal, each in one transaction."""

    def __init__(
        self,
        database: Database,
        entries: EntryService,
        merges: MergeStore,
        journal: JournalStore,
        rules: EntryRules,
    ) -> None:
        self._database = database
        self._entries = entries
        self._merges = merges
        self._journal = journal
        self._rules = rules

    async def merge(
        self,
        principal: Principal,
        duplicate_id: str,
        survivor_id: str,
        permissions: MergedPermissions = MergedPermissions.KEEP,
        *,
        expected_versions: Collection[int] | None = None,
        request_id: str | None = None,
    ) -> Merge:
        """Merge a duplicate into a survivor.

        The relationships of the duplicate go over, its id and all its handles lead to the survivor
        for ever, and its versions stay to be read under its id.

        Parameters
        ----------
        expected_versions
            Of the duplicate.

        Raises
        ------
        PermissionDeniedError
            If the caller may not write both.
        EntryNotFoundError
            If one of them is none that the caller may see.
        VersionConflictError
            If the duplicate is at none of the `expected_versions`.
        MergeSelfError
            If both are the same.
        MergeWidensReadersError
            If with `KEEP` somebody sees the survivor who does not see the duplicate.
        """
        principal.require_some_writing("merge entries")
        if duplicate_id == survivor_id:
            raise MergeSelfError(duplicate_id)
        async with self._database.transaction() as connection:
            pair = await self._lock_pair(connection, principal, duplicate_id, survivor_id)
            check_version(duplicate_id, expected_versions, pair.duplicate.version)
            security = None
            if permissions is MergedPermissions.UNION:
                after = united(pair.survivor.security, pair.duplicate.security)
                if after != pair.survivor.security:
                    security = (pair.survivor.security, after)
            elif not are_within(pair.survivor.readers, pair.duplicate.readers):
                raise MergeWidensReadersError(duplicate_id, survivor_id)
            plan = await self._planned(connection, pair)
            merge_id, _ = await self._merges.insert(
                connection,
                pair.survivor.key,
                pair.duplicate.key,
                permissions,
                security,
                principal.name,
            )
            if security is not None:
                entry = await self._entries.hold(connection, principal, survivor_id)
                await self._entries.replace_in(
                    connection,
                    principal,
                    survivor_id,
                    draft_of(entry).model_copy(update={"security": security[1]}),
                    request_id=request_id,
                )
            touched: dict[RelationshipId, str | None] = {
                each.relationship_id: None for each in plan.moved
            }
            touched |= {each: reason.value for each, reason in plan.dropped.items()}
            await self._merges.keep_relationships(connection, merge_id, touched)
            await self._merges.drop_relationships(connection, [*plan.dropped], principal.name)
            moves = [(each.relationship_id, each.source, each.target) for each in plan.moved]
            await self._merges.move_relationships(connection, moves, principal.name)
            await self._merges.mark_merged(
                connection, pair.duplicate.key, pair.survivor.key, principal.name
            )
            await self._journal.append_audit(
                connection,
                actor=principal.name,
                action="entry.merge",
                target=duplicate_id,
                request_id=request_id,
                detail={
                    "into": survivor_id,
                    "merge_id": str(merge_id),
                    "permissions": permissions.value,
                    "moved": len(plan.moved),
                    "dropped": len(plan.dropped),
                },
            )
            return (await self._found(connection, principal, merge_id)).merge

    async def get(self, principal: Principal, merge_id: UUID) -> Merge:
        """Read a merge.

        Raises
        ------
        MergeNotFoundError
            If there is none of entries that the caller may see.
        """
        async with self._database.connection() as connection:
            return (await self._found(connection, principal, merge_id)).merge

    async def undo(
        self, principal: Principal, merge_id: UUID, *, request_id: str | None = None
    ) -> Merge:
        """Undo a merge: the duplicate lives again with its names and relationships, all as before.

        What came to the survivor after the merge stays there.

        Raises
        ------
        PermissionDeniedError
            If the caller may not write both entries.
        MergeNotFoundError
            If there is none of entries that the caller may see.
        MergeUndoConflictError
            If it was undone already, or something it did was changed since: nothing is changed
            then.
        ApprovalRequiredError
            If the duplicate is in a status that its namespace came to govern since.
        """
        principal.require_some_writing("undo merges")
        async with self._database.transaction() as connection:
            await self._merges.lock(connection, merge_id)
            held = await self._found(connection, principal, merge_id)
            for namespace in held.namespaces:
                principal.require_writing_in(namespace, "undo merges")
            await self._require_untouched(connection, principal, held)
            await self._restore_security(connection, principal, held, request_id)
            await self._merges.unmark_merged(connection, held.duplicate_key, principal.name)
            duplicate = await self._entries.hold(connection, principal, held.merge.duplicate_id)
            await self._rules.require_returnable(
                connection, duplicate.namespace, duplicate.status, held.merge.merged_at
            )
            blocked = await self._merges.bring_back(connection, merge_id, principal.name)
            if blocked:
                raise MergeUndoConflictError(str(merge_id), tuple(map(_relationship, blocked)))
            await self._merges.end(connection, merge_id, principal.name)
            await self._journal.append_audit(
                connection,
                actor=principal.name,
                action="entry.unmerge",
                target=held.merge.duplicate_id,
                request_id=request_id,
                detail={"from": held.merge.survivor_id, "merge_id": str(merge_id)},
            )
            return (await self._found(connection, principal, merge_id)).merge

    async def _lock_pair(
        self, connection: Connection, principal: Principal, duplicate_id: str, survivor_id: str
    ) -> _Pair:
        held = await self._merges.lock_pair(
            connection, [duplicate_id, survivor_id], principal.grants
        )
        for entry_id in (duplicate_id, survivor_id):
            if entry_id not in held:
                raise EntryNotFoundError(entry_id)
            principal.require_writing_in(held[entry_id].namespace, "merge entries")
        return _Pair(held[survivor_id], held[duplicate_id])

    async def _planned(self, connection: Connection, pair: _Pair) -> MergePlan:
        definitions = await self._rules.current(connection)
        rows = await self._merges.lock_relationships(
            connection, [pair.survivor.key, pair.duplicate.key]
        )
        ids = {pair.survivor.key: str(pair.survivor.entry_id)}
        for row in rows:
            ids |= {row.source: row.source_id, row.target: row.target_id}
        held = [
            HeldRelationship(row.relationship_id, row.source, row.target, row.rel_type, row.weight)
            for row in rows
        ]
        return plan_merge(
            pair.survivor.key, pair.duplicate.key, held, definitions.relationship_types, ids
        )

    async def _found(
        self, connection: Connection, principal: Principal, merge_id: UUID
    ) -> StoredMerge:
        found = await self._merges.fetch(connection, merge_id, principal.grants)
        if found is None:
            raise MergeNotFoundError(str(merge_id))
        return found

    async def _require_untouched(
        self, connection: Connection, principal: Principal, held: StoredMerge
    ) -> None:
        merge = held.merge
        conflicts: list[str] = []
        if merge.undone_at is not None:
            conflicts.append(f"it was undone by {merge.undone_by}")
        elif not held.survivor_lives:
            conflicts.append(f"entry {merge.survivor_id} was deleted or merged since")
        else:
            changed, hidden = await self._merges.list_changed_since(
                connection, merge.merge_id, principal.grants
            )
            conflicts += map(_relationship, changed)
            if hidden:
                conflicts.append("a relationship that you may not see")
        if conflicts:
            raise MergeUndoConflictError(str(merge.merge_id), tuple(conflicts))

    async def _restore_security(
        self,
        connection: Connection,
        principal: Principal,
        held: StoredMerge,
        request_id: str | None,
    ) -> None:
        if held.security_before is None:
            return
        survivor_id = held.merge.survivor_id
        entry: Entry = await self._entries.hold(connection, principal, survivor_id)
        if entry.security != held.security_after:
            raise MergeUndoConflictError(
                str(held.merge.merge_id), (f"the security of entry {survivor_id}",)
            )
        restored = draft_of(entry).model_copy(update={"security": held.security_before})
        # Told last, by the fetch after it: the caller may be one who sees the survivor no more.
        await self._entries.replace_in(
            connection, principal, survivor_id, restored, request_id=request_id
        )


def _relationship(relationship_id: RelationshipId) -> str:
    return f"relationship {relationship_id}"
