"""Entries: registered, read, replaced and deleted, one transaction a write."""

from collections.abc import Mapping
from dataclasses import dataclass

from hyper_registry.catalog.access_log import AccessLog
from hyper_registry.catalog.entry_batch import BatchOutcome, EntryBatchWriter
from hyper_registry.catalog.entry_rules import EntryBefore, EntryRules
from hyper_registry.catalog.limits import CatalogLimits, check_limits
from hyper_registry.domain.entry import Entry, EntryDraft, new_entry_id
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.errors.entry import (
    EntryExistsError,
    EntryNotFoundError,
    VersionConflictError,
)
from hyper_registry.domain.errors.input import BulkRejectedError
from hyper_registry.domain.identifiers import EntryId
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.storage.bulk_store import BulkStore
from hyper_registry.storage.database import Connection, Database
from hyper_registry.storage.entry_store import (
    EntryStore,
    LockedEntry,
    WrittenEntry,
    version_document,
)
from hyper_registry.storage.journal_store import JournalStore


@dataclass(frozen=True, slots=True)
class _Write:
    """A write to journal: who did what to which content."""

    actor: str
    operation: str
    request_id: str | None
    before_hash: bytes | None = None


class EntryService:
    """Reads and writes of entries on behalf of a principal.

    Each write is one transaction: the entry, its version, its change and its audit row.

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
        self._batches = EntryBatchWriter(bulk, limits, rules)
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
            If the caller is no editor.
        InvalidFieldError
            If a field is above its limit.
        UnknownCategoryError, MetadataInvalidError, StatusTransitionError, InvalidSchemaError
            If the definition of the category does not allow it; see `check_draft`.
        EntryExistsError
            If a living entry has the id, or a deleted one that the caller could not see: an id is
            never re-used for another thing.
        """
        principal.require(Role.EDITOR, "register entries")
        check_limits(draft, self._limits)
        entry_id = draft.entry_id or new_entry_id()

        async with self._database.transaction() as connection:
            draft = await self._rules.admitted(connection, entry_id, draft)
            written = await self._entries.insert(
                connection, entry_id, draft, principal.name, principal.grants
            )
            if written is None:
                raise EntryExistsError(entry_id)
            write = _Write(principal.name, "create", request_id)
            return await self._journal_write(connection, entry_id, draft, written, write)

    async def register_many(
        self,
        principal: Principal,
        drafts: Mapping[int, EntryDraft],
        *,
        atomic: bool = False,
        request_id: str | None = None,
    ) -> tuple[dict[int, Entry], dict[int, RegistryError]]:
        """Register entries in one transaction, each table written by one statement.

        Parameters
        ----------
        drafts
            By the number of their row.

        Returns
        -------
        tuple
            By row number, the entries that were written and the errors of those that were not.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor.
        BulkRejectedError
            If `atomic` and any row is refused: nothing is written then.
        """
        principal.require(Role.EDITOR, "register entries")
        async with self._database.transaction() as connection:
            outcome = await self._batches.write(
                connection, principal, drafts, replace=False, request_id=request_id
            )
            if atomic and outcome.refused:
                refused = sorted(outcome.refused.items())
                raise BulkRejectedError(
                    tuple((row, error.code, str(error)) for row, error in refused)
                )
        registered = {row: event.entry(principal.name) for row, event in outcome.created.items()}
        return registered, outcome.refused

    async def upsert_many(
        self,
        principal: Principal,
        drafts: Mapping[int, EntryDraft],
        *,
        request_id: str | None = None,
    ) -> BatchOutcome:
        """Register what is new and replace what changed, in one transaction.

        A draft without an id is always new; an entry of equal content stays untouched.

        Parameters
        ----------
        drafts
            By the number of their row.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor.
        """
        principal.require(Role.EDITOR, "register entries")
        async with self._database.transaction() as connection:
            return await self._batches.write(
                connection, principal, drafts, replace=True, request_id=request_id
            )

    async def get(self, principal: Principal, entry_id: str) -> Entry:
        """Read an entry.

        Raises
        ------
        EntryNotFoundError
            If there is none that the caller may see.
        """
        async with self._database.connection() as connection:
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
        expected_version: int | None = None,
        request_id: str | None = None,
    ) -> Entry:
        """Replace what people write of an entry; equal content changes nothing.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor.
        EntryNotFoundError
            If there is none that the caller may see.
        VersionConflictError
            If the entry is not at `expected_version`.
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
                expected_version=expected_version,
                request_id=request_id,
            )

    async def replace_in(
        self,
        connection: Connection,
        principal: Principal,
        entry_id: str,
        draft: EntryDraft,
        *,
        expected_version: int | None = None,
        request_id: str | None = None,
    ) -> Entry:
        """Replace an entry in the caller's transaction; see `replace`, which raises the same."""
        principal.require(Role.EDITOR, "update entries")
        check_limits(draft, self._limits)
        locked = await self._lock(connection, principal, entry_id, expected_version)
        if locked.checksum == draft.checksum:
            return await self._fetch(connection, principal, entry_id)
        before = EntryBefore(locked.category, locked.status, locked.metadata, locked.checksum)
        draft = await self._rules.admitted(connection, EntryId(entry_id), draft, before)
        if locked.checksum == draft.checksum:
            return await self._fetch(connection, principal, entry_id)
        written = await self._entries.update(connection, locked.key, draft, principal.name)
        write = _Write(principal.name, "update", request_id, locked.checksum)
        return await self._journal_write(connection, EntryId(entry_id), draft, written, write)

    async def hold(
        self,
        connection: Connection,
        principal: Principal,
        entry_id: str,
        expected_version: int | None = None,
    ) -> Entry:
        """Read an entry and hold it until the caller's transaction ends.

        Raises
        ------
        EntryNotFoundError
            If there is none that the caller may see.
        VersionConflictError
            If the entry is not at `expected_version`.
        """
        await self._lock(connection, principal, entry_id, expected_version)
        return await self._fetch(connection, principal, entry_id)

    async def delete(
        self,
        principal: Principal,
        entry_id: str,
        *,
        expected_version: int | None = None,
        request_id: str | None = None,
    ) -> None:
        """Delete an entry: no read shows it any more, its history stays.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor.
        EntryNotFoundError
            If there is none that the caller may see.
        VersionConflictError
            If the entry is not at `expected_version`.
        """
        principal.require(Role.EDITOR, "delete entries")
        async with self._database.transaction() as connection:
            locked = await self._lock(connection, principal, entry_id, expected_version)
            version = await self._entries.delete(connection, locked.key, principal.name)
            await self._entries.insert_version(
                connection, locked.key, version, "delete", {}, principal.name
            )
            await self._journal.append_change(
                connection,
                subject="entry",
                key=locked.key,
                subject_id=entry_id,
                operation="delete",
                version=version,
                actor=principal.name,
            )
            await self._journal.append_audit(
                connection,
                actor=principal.name,
                action="entry.delete",
                target=entry_id,
                request_id=request_id,
                before_hash=locked.checksum,
            )

    async def _fetch(self, connection: Connection, principal: Principal, entry_id: str) -> Entry:
        found = await self._entries.fetch(connection, entry_id, principal.grants, self._model_id)
        if found is None:
            raise EntryNotFoundError(entry_id)
        return found.entry

    async def _lock(
        self,
        connection: Connection,
        principal: Principal,
        entry_id: str,
        expected_version: int | None,
    ) -> LockedEntry:
        locked = await self._entries.lock(connection, entry_id, principal.grants)
        if locked is None:
            raise EntryNotFoundError(entry_id)
        if expected_version is not None and expected_version != locked.version:
            raise VersionConflictError(entry_id, expected_version, locked.version)
        return locked

    async def _journal_write(
        self,
        connection: Connection,
        entry_id: EntryId,
        draft: EntryDraft,
        written: WrittenEntry,
        write: _Write,
    ) -> Entry:
        await self._entries.insert_version(
            connection,
            written.key,
            written.version,
            write.operation,
            version_document(entry_id, draft),
            write.actor,
        )
        await self._journal.append_change(
            connection,
            subject="entry",
            key=written.key,
            subject_id=entry_id,
            operation=write.operation,
            version=written.version,
            actor=write.actor,
        )
        await self._journal.append_audit(
            connection,
            actor=write.actor,
            action=f"entry.{write.operation}",
            target=entry_id,
            request_id=write.request_id,
            before_hash=write.before_hash,
            after_hash=draft.checksum,
        )
        return written.entry(entry_id, draft, draft.checksum, write.actor)
