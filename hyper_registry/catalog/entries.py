"""Entries: registered, read, replaced and deleted, one transaction a write."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from hyper_registry.catalog.access_log import AccessLog
from hyper_registry.catalog.limits import CatalogLimits, check_limits
from hyper_registry.domain.entry import Entry, EntryDraft, new_entry_id
from hyper_registry.domain.errors import (
    BulkRejectedError,
    EntryExistsError,
    EntryNotFoundError,
    InvalidFieldError,
    RegistryError,
    UnknownCategoryError,
    VersionConflictError,
)
from hyper_registry.domain.identifiers import EntryId
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.storage.database import Connection, Database
from hyper_registry.storage.entry_store import EntryStore, LockedEntry, WrittenEntry
from hyper_registry.storage.journal_store import JournalStore

T = TypeVar("T")


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
        journal: JournalStore,
        limits: CatalogLimits,
        model_id: str,
        accesses: AccessLog | None = None,
    ) -> None:
        self._database = database
        self._accesses = accesses
        self._entries = entries
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
        UnknownCategoryError
            If the category is not registered.
        EntryExistsError
            If a living entry has the id.
        """
        principal.require(Role.EDITOR, "register entries")
        check_limits(draft, self._limits)
        write = _Write(principal.name, "create", request_id)
        return await self._write(lambda connection: self._create(connection, draft, write))

    async def register_many(
        self,
        principal: Principal,
        drafts: Mapping[int, EntryDraft],
        *,
        atomic: bool = False,
        request_id: str | None = None,
    ) -> tuple[dict[int, Entry], dict[int, RegistryError]]:
        """Register entries in one transaction.

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
        write = _Write(principal.name, "create", request_id)
        registered: dict[int, Entry] = {}
        refused: dict[int, RegistryError] = {}
        async with self._database.transaction() as connection:
            known = await self._entries.list_categories(connection)
            # One order of ids for all keeps requests that share ids from locking each other out.
            for row, draft in sorted(
                drafts.items(), key=lambda item: (item[1].entry_id or "", item[0])
            ):
                try:
                    check_limits(draft, self._limits)
                    if draft.category not in known:
                        raise UnknownCategoryError(draft.category, known)
                    registered[row] = await self._create(connection, draft, write)
                except (InvalidFieldError, UnknownCategoryError, EntryExistsError) as error:
                    refused[row] = error
            if atomic and refused:
                raise BulkRejectedError(
                    tuple((row, error.code, str(error)) for row, error in sorted(refused.items()))
                )
        return registered, refused

    async def export_page(self, principal: Principal, after: str, limit: int) -> list[Entry]:
        """Read up to `limit` entries that the caller may see, by id from after `after` on."""
        async with self._database.connection() as connection:
            return await self._entries.export_page(
                connection, principal.grants, self._model_id, after, limit
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
        UnknownCategoryError
            If the category is not registered.
        """
        principal.require(Role.EDITOR, "update entries")
        check_limits(draft, self._limits)

        async def update(connection: Connection) -> Entry:
            locked = await self._lock(connection, principal, entry_id, expected_version)
            if locked.checksum == draft.checksum:
                unchanged = await self._entries.fetch(
                    connection, entry_id, principal.grants, self._model_id
                )
                if unchanged is None:
                    raise EntryNotFoundError(entry_id)
                return unchanged.entry
            written = await self._entries.update(connection, locked.key, draft, principal.name)
            write = _Write(principal.name, "update", request_id, locked.checksum)
            return await self._journal_write(connection, EntryId(entry_id), draft, written, write)

        return await self._write(update)

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

    async def _create(self, connection: Connection, draft: EntryDraft, write: _Write) -> Entry:
        entry_id = draft.entry_id or new_entry_id()
        written = await self._entries.insert(connection, entry_id, draft, write.actor)
        if written is None:
            raise EntryExistsError(entry_id)
        return await self._journal_write(connection, entry_id, draft, written, write)

    async def _write(self, body: Callable[[Connection], Awaitable[T]]) -> T:
        try:
            async with self._database.transaction() as connection:
                return await body(connection)
        except UnknownCategoryError as error:
            async with self._database.connection() as connection:
                known = await self._entries.list_categories(connection)
            raise UnknownCategoryError(error.category, known) from error

    async def _journal_write(
        self,
        connection: Connection,
        entry_id: EntryId,
        draft: EntryDraft,
        written: WrittenEntry,
        write: _Write,
    ) -> Entry:
        document = draft.model_dump(mode="json") | {"entry_id": entry_id}
        await self._entries.insert_version(
            connection, written.key, written.version, write.operation, document, write.actor
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
        return Entry(
            **draft.model_dump(exclude={"entry_id"}),
            entry_id=entry_id,
            checksum_hex=draft.checksum.hex(),
            version=written.version,
            embedded=False,
            created_at=written.created_at,
            updated_at=written.updated_at,
            created_by=written.created_by,
            updated_by=write.actor,
        )
