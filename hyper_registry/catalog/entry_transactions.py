"""Entries within the transaction of a caller: held, changed and audited."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from pydantic import JsonValue

from hyper_registry.catalog.entry_rules import EntryBefore, EntryRules
from hyper_registry.catalog.handle_rules import with_kept_handle
from hyper_registry.catalog.limits import CatalogLimits, check_limits
from hyper_registry.catalog.patching import patched_entry
from hyper_registry.domain.entry import ComplianceStatus, Entry, EntryDraft, draft_of
from hyper_registry.domain.errors.entry import EntryNotFoundError, check_version
from hyper_registry.domain.identifiers import EntryId
from hyper_registry.domain.principal import Principal
from hyper_registry.storage.database import Connection
from hyper_registry.storage.entry_store import EntryStore, LockedEntry, WrittenEntry
from hyper_registry.storage.journal_store import JournalStore


@dataclass(frozen=True, slots=True)
class EntryWrite:
    """A write to audit: who did what to which content."""

    actor: str
    operation: str
    request_id: str | None
    before_hash: bytes | None = None
    detail: Mapping[str, JsonValue] | None = None


class EntryTransactionMethods:
    """Mixin of the service of entries: what it does in a transaction that its caller commits."""

    _entries: EntryStore
    _rules: EntryRules
    _journal: JournalStore
    _limits: CatalogLimits
    _model_id: str

    async def hold(
        self,
        connection: Connection,
        principal: Principal,
        entry_id: str,
        expected_versions: Collection[int] | None = None,
    ) -> Entry:
        """Read an entry and hold it until the caller's transaction ends.

        Raises
        ------
        EntryNotFoundError
            If there is none that the caller may see.
        VersionConflictError
            If the entry is at none of the `expected_versions`.
        """
        await self._lock(connection, principal, entry_id, expected_versions)
        return await self._fetch(connection, principal, entry_id)

    async def replace_in(
        self,
        connection: Connection,
        principal: Principal,
        entry_id: str,
        draft: EntryDraft,
        *,
        expected_versions: Collection[int] | None = None,
        request_id: str | None = None,
    ) -> Entry:
        """Replace an entry in the caller's transaction; see `replace`, which raises the same."""
        principal.require_some_writing("update entries")
        check_limits(draft, self._limits)
        locked = await self._lock(connection, principal, entry_id, expected_versions)
        return await self._update(connection, principal, entry_id, locked, draft, request_id)

    async def patch_approved(
        self,
        connection: Connection,
        principal: Principal,
        entry_id: str,
        patch: Mapping[str, JsonValue],
        detail: Mapping[str, JsonValue],
        *,
        expected_versions: Collection[int] | None = None,
        request_id: str | None = None,
    ) -> Entry:
        """Change an entry in the caller's transaction as `patch` does, policies of approval aside.

        The patch may give the entry another handle. Only reviews may call this.

        Parameters
        ----------
        detail
            What the audit row tells of the approval.
        """
        locked = await self._lock(connection, principal, entry_id, expected_versions)
        draft = patched_entry(await self._fetch(connection, principal, entry_id), patch)
        check_limits(draft, self._limits)
        named = replace(locked, handle=draft.handle)
        write = EntryWrite(principal.name, "update", request_id, locked.checksum, detail)
        return await self._update(
            connection, principal, entry_id, named, draft, request_id, write=write, approved=True
        )

    async def settle_compliance(
        self,
        connection: Connection,
        principal: Principal,
        entry_id: str,
        status: ComplianceStatus,
        *,
        request_id: str | None = None,
    ) -> Entry:
        """Give an entry the status that its assessments come to, in the caller's transaction.

        Raises
        ------
        EntryNotFoundError
            If there is none that the caller may see.
        MetadataInvalidError, StatusTransitionError, InvalidSchemaError
            If the entry is not allowed any more as it is; see `check_draft`.
        """
        locked = await self._lock(connection, principal, entry_id, None)
        entry = await self._fetch(connection, principal, entry_id)
        draft = draft_of(entry).model_copy(update={"compliance_status": status})
        settled = replace(locked, assessed_status=status)
        # Nobody writes what follows from assessments, so nobody has to approve it.
        return await self._update(
            connection, principal, entry_id, settled, draft, request_id, approved=True
        )

    async def rename_in(
        self,
        connection: Connection,
        principal: Principal,
        entry: Entry,
        handle: str,
        *,
        action: str,
        request_id: str | None = None,
    ) -> Entry:
        """Give an entry that the caller's transaction holds another handle, as a new version.

        Raises
        ------
        PermissionDeniedError
            If the caller may not write in the namespace it is in, or in the one it comes to.
        UnknownNamespaceError, HandleTakenError
            If it cannot have the handle.
        """
        locked = await self._lock(connection, principal, entry.entry_id, None)
        draft = draft_of(entry).model_copy(update={"handle": handle})
        named = replace(locked, handle=handle)
        write = EntryWrite(
            principal.name,
            action,
            request_id,
            locked.checksum,
            {"from": locked.handle, "to": handle},
        )
        return await self._update(
            connection, principal, entry.entry_id, named, draft, request_id, write=write
        )

    async def _lock(
        self,
        connection: Connection,
        principal: Principal,
        entry_id: str,
        expected_versions: Collection[int] | None,
        *,
        deleted: bool = False,
    ) -> LockedEntry:
        locked = await self._entries.lock(connection, entry_id, principal.grants, deleted=deleted)
        if locked is None:
            raise EntryNotFoundError(entry_id)
        principal.require_writing_in(locked.namespace, "change entries")
        check_version(entry_id, expected_versions, locked.version)
        return locked

    async def _fetch(self, connection: Connection, principal: Principal, entry_id: str) -> Entry:
        found = await self._entries.fetch(connection, entry_id, principal.grants, self._model_id)
        if found is None:
            raise EntryNotFoundError(entry_id)
        return found.entry

    async def _update(
        self,
        connection: Connection,
        principal: Principal,
        entry_id: str,
        locked: LockedEntry,
        draft: EntryDraft,
        request_id: str | None,
        *,
        restored_from: int | None = None,
        write: EntryWrite | None = None,
        approved: bool = False,
    ) -> Entry:
        draft = with_kept_handle(draft, locked.handle)
        principal.require_writing_in(draft.namespace, "change entries")
        if locked.checksum == draft.checksum and restored_from is None:
            return await self._fetch(connection, principal, entry_id)
        before = EntryBefore(
            locked.category,
            locked.status,
            locked.metadata,
            locked.checksum,
            locked.assessed_status,
        )
        draft = await self._rules.admitted(
            connection, EntryId(entry_id), draft, before, approved=approved
        )
        if locked.checksum == draft.checksum and restored_from is None:
            return await self._fetch(connection, principal, entry_id)
        written = await self._entries.update(
            connection, locked.key, draft, principal.name, restored_from=restored_from
        )
        operation = "update" if restored_from is None else "restore"
        write = write or EntryWrite(principal.name, operation, request_id, locked.checksum)
        return await self._audited(connection, EntryId(entry_id), draft, written, write)

    async def _audited(
        self,
        connection: Connection,
        entry_id: EntryId,
        draft: EntryDraft,
        written: WrittenEntry,
        write: EntryWrite,
    ) -> Entry:
        checksum = draft.checksum
        await self._journal.append_audit(
            connection,
            actor=write.actor,
            action=f"entry.{write.operation}",
            target=entry_id,
            request_id=write.request_id,
            before_hash=write.before_hash,
            after_hash=checksum,
            detail=write.detail,
        )
        return written.entry(entry_id, draft, checksum, write.actor)
