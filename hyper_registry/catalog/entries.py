"""Entries: registered, read, changed, deleted and brought back, one transaction a write."""

from collections.abc import Collection, Mapping

from pydantic import JsonValue

from hyper_registry.catalog.access_log import AccessLog
from hyper_registry.catalog.entry_batch import EntryBatchWriter
from hyper_registry.catalog.entry_rules import EntryRules
from hyper_registry.catalog.entry_sets import EntrySetMethods
from hyper_registry.catalog.entry_transactions import EntryTransactionMethods, EntryWrite
from hyper_registry.catalog.handle_rules import with_kept_handle
from hyper_registry.catalog.limits import CatalogLimits, check_limits
from hyper_registry.catalog.patching import patched, patched_entry
from hyper_registry.domain.entry import Entry, EntryDraft, new_entry_id
from hyper_registry.domain.entry_version import EntryVersion
from hyper_registry.domain.errors.entry import (
    EntryExistsError,
    EntryNotFoundError,
    VersionConflictError,
)
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.storage.bulk_store import BulkStore
from hyper_registry.storage.database import Database
from hyper_registry.storage.entry_store import EntryStore
from hyper_registry.storage.journal_store import JournalStore


class EntryService(EntrySetMethods, EntryTransactionMethods):
    """Reads and writes of entries on behalf of a principal.

    Each write is one transaction: the entry and its audit row, and what the database's triggers
    add, the version that was superseded and the change.

    Parameters
    ----------
    accesses
        Where reads are recorded; None records none.
    """

    def __init__(
        self,
        database: Database,
        entries: EntryStore,
        bulk: BulkStore,
        journal: JournalStore,
        limits: CatalogLimits,
        model_id: str,
        rules: EntryRules,
        accesses: AccessLog | None = None,
    ) -> None:
        self._database = database
        self._accesses = accesses
        self._entries = entries
        self._batches = EntryBatchWriter(bulk, journal, limits, rules)
        self._rules = rules
        self._journal = journal
        self._limits = limits
        self._model_id = model_id

    async def register(
        self, principal: Principal, draft: EntryDraft, *, request_id: str | None = None
    ) -> Entry:
        """Register an entry, under an id of its own if the draft has none.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor, neither everywhere nor in the namespace of the handle.
        InvalidFieldError
            If a field is above its limit.
        UnknownCategoryError, MetadataInvalidError, StatusTransitionError, InvalidSchemaError
            If the definition of the category does not allow it; see `check_draft`.
        UnknownNamespaceError, HandleTakenError, HandleFixedError
            If the handle cannot be given to the entry.
        EntryExistsError
            If a living entry has the id, or a deleted one that the caller could not see: an id is
            never re-used for another thing.
        """
        principal.require_some_writing("register entries")
        principal.require_writing_in(draft.namespace, "register entries")
        check_limits(draft, self._limits)
        entry_id = draft.entry_id or new_entry_id()

        async with self._database.transaction() as connection:
            draft = await self._rules.admitted(connection, entry_id, draft)
            written = await self._entries.insert(
                connection, entry_id, draft, principal.name, _reviving_grants(principal)
            )
            if written is None:
                # A deleted one that has a handle is registered anew under it.
                deleted = await self._entries.lock(
                    connection, entry_id, principal.grants, deleted=True
                )
                if deleted is None or not principal.may_write_in(deleted.namespace):
                    raise EntryExistsError(entry_id)
                draft = await self._rules.admitted(
                    connection, entry_id, with_kept_handle(draft, deleted.handle)
                )
                written = await self._entries.insert(
                    connection, entry_id, draft, principal.name, principal.grants
                )
                if written is None:
                    raise EntryExistsError(entry_id)
            write = EntryWrite(principal.name, "create", request_id)
            return await self._audited(connection, entry_id, draft, written, write)

    async def create(
        self,
        principal: Principal,
        entry_id: str,
        draft: EntryDraft,
        *,
        request_id: str | None = None,
    ) -> Entry:
        """Register an entry under an id that must be free.

        Raises
        ------
        VersionConflictError
            If a living entry that the caller may see has the id.
        EntryExistsError
            If another one has it.
        PermissionDeniedError, InvalidFieldError, UnknownCategoryError
            As `register`.
        """
        named = patched(EntryDraft, draft, {"entry_id": entry_id})
        try:
            return await self.register(principal, named, request_id=request_id)
        except EntryExistsError:
            async with self._database.connection() as connection:
                found = await self._entries.fetch(
                    connection, entry_id, principal.grants, self._model_id
                )
            if found is None:
                raise
            raise VersionConflictError(entry_id, (), found.entry.version) from None

    async def get(self, principal: Principal, entry_id: str) -> Entry:
        """Read an entry.

        Raises
        ------
        EntryNotFoundError
            If there is none that the caller may see.
        """
        async with self._database.reading(principal.grants) as connection:
            found = await self._entries.fetch(
                connection, entry_id, principal.grants, self._model_id
            )
        if found is None:
            raise EntryNotFoundError(entry_id)
        if self._accesses is not None:
            self._accesses.record(found.key)
        return found.entry

    async def replace(
        self,
        principal: Principal,
        entry_id: str,
        draft: EntryDraft,
        *,
        expected_versions: Collection[int] | None = None,
        request_id: str | None = None,
    ) -> Entry:
        """Replace what people write of an entry; equal content changes nothing.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor, neither everywhere nor in the namespace of the entry.
        EntryNotFoundError
            If there is none that the caller may see.
        VersionConflictError
            If the entry is at none of the `expected_versions`.
        UnknownNamespaceError, HandleTakenError, HandleFixedError
            If the handle cannot be given to the entry.
        InvalidFieldError
            If a field is above its limit.
        UnknownCategoryError, MetadataInvalidError, StatusTransitionError, InvalidSchemaError
        SchemaIncompatibleError
            If the definition of the category does not allow it; see `check_draft`.
        """
        async with self._database.transaction() as connection:
            return await self.replace_in(
                connection,
                principal,
                entry_id,
                draft,
                expected_versions=expected_versions,
                request_id=request_id,
            )

    async def patch(
        self,
        principal: Principal,
        entry_id: str,
        patch: Mapping[str, JsonValue],
        *,
        expected_versions: Collection[int] | None = None,
        request_id: str | None = None,
    ) -> Entry:
        """Change what an RFC 7386 merge patch names; what comes of it is validated as a whole.

        Raises
        ------
        PermissionDeniedError, EntryNotFoundError, VersionConflictError, UnknownCategoryError
            As `replace`.
        InvalidFieldError
            If the result has a field that it may not have so.
        """
        principal.require_some_writing("update entries")

        async with self._database.transaction() as connection:
            locked = await self._lock(connection, principal, entry_id, expected_versions)
            present = await self._fetch(connection, principal, entry_id)
            draft = patched_entry(present, patch)
            check_limits(draft, self._limits)
            return await self._update(connection, principal, entry_id, locked, draft, request_id)

    async def delete(
        self,
        principal: Principal,
        entry_id: str,
        *,
        expected_versions: Collection[int] | None = None,
        request_id: str | None = None,
    ) -> None:
        """Delete an entry: no read shows it any more, until it is undeleted or purged.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor.
        EntryNotFoundError
            If there is none that the caller may see.
        VersionConflictError
            If the entry is at none of the `expected_versions`.
        """
        principal.require_some_writing("delete entries")
        async with self._database.transaction() as connection:
            locked = await self._lock(connection, principal, entry_id, expected_versions)
            await self._entries.delete(connection, locked.key, principal.name)
            await self._journal.append_audit(
                connection,
                actor=principal.name,
                action="entry.delete",
                target=entry_id,
                request_id=request_id,
                before_hash=locked.checksum,
            )

    async def undelete(
        self,
        principal: Principal,
        entry_id: str,
        *,
        expected_versions: Collection[int] | None = None,
        request_id: str | None = None,
    ) -> Entry:
        """Let a deleted entry live again as it was, with its relationships.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor.
        EntryNotFoundError
            If there is no deleted one that the caller could see.
        VersionConflictError
            If the entry is at none of the `expected_versions`.
        ApprovalRequiredError
            If it is in a status that its namespace came to govern since.
        """
        principal.require_some_writing("undelete entries")
        async with self._database.transaction() as connection:
            locked = await self._lock(
                connection, principal, entry_id, expected_versions, deleted=True
            )
            assert locked.deleted_at is not None
            await self._rules.require_returnable(
                connection, locked.namespace, locked.status, locked.deleted_at
            )
            await self._entries.undelete(connection, locked.key, principal.name)
            await self._journal.append_audit(
                connection,
                actor=principal.name,
                action="entry.undelete",
                target=entry_id,
                request_id=request_id,
                after_hash=locked.checksum,
            )
            return await self._fetch(connection, principal, entry_id)

    async def restore(
        self,
        principal: Principal,
        version: EntryVersion,
        *,
        expected_versions: Collection[int] | None = None,
        request_id: str | None = None,
    ) -> Entry:
        """Give a living entry the content of an earlier version, as a new version.

        Parameters
        ----------
        version
            As `EntryHistory.get_version` gave it to the caller.

        Raises
        ------
        PermissionDeniedError, EntryNotFoundError, VersionConflictError, InvalidFieldError
            As `replace`.
        """
        principal.require_some_writing("update entries")
        check_limits(version.draft, self._limits)

        async with self._database.transaction() as connection:
            locked = await self._lock(connection, principal, version.entry_id, expected_versions)
            stored = await self._entries.fetch_version_metadata(
                connection, locked.key, version.version
            )
            # The name it had then is not brought back: that is what renaming is for.
            content = version.draft.model_copy(update={"handle": None})
            draft = self._rules.unsealed(version.entry_id, content, stored)
            return await self._update(
                connection,
                principal,
                version.entry_id,
                locked,
                draft,
                request_id,
                restored_from=version.version,
            )


def _reviving_grants(principal: Principal) -> list[str] | None:
    """Return by which grants a registration may bring back a deleted entry of its id.

    Who may write in some namespaces only brings back none unseen: it might be of another.
    """
    return principal.grants if principal.holds(Role.EDITOR) else []
