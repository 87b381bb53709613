"""Sets of entries: listed, or written in one transaction, each table by one statement."""

from collections.abc import Mapping
from datetime import datetime

from hyper_registry.catalog.entry_batch import (
    BatchAudit,
    BatchMode,
    BatchOutcome,
    EntryBatchWriter,
    Target,
)
from hyper_registry.domain.entry import Entry, EntryDraft, new_entry_id
from hyper_registry.domain.entry_version import DeletedEntry
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.errors.identity import HandlesContendedError
from hyper_registry.domain.errors.input import BulkRejectedError
from hyper_registry.domain.principal import Principal
from hyper_registry.storage.bulk_store import EntryRow
from hyper_registry.storage.database import Database
from hyper_registry.storage.entry_store import EntryStore


class EntrySetMethods:
    """Mixin of the service of entries: its reads and writes of many at once."""

    _database: Database
    _entries: EntryStore
    _batches: EntryBatchWriter

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
        principal.require_some_writing("register entries")
        audit = BatchAudit("entry.bulk_register", request_id)
        outcome = await self._write(
            principal, _rows(drafts), audit, BatchMode.CREATE, atomic=atomic
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
        return await self.upsert_rows(principal, _rows(drafts), request_id=request_id)

    async def upsert_rows(
        self,
        principal: Principal,
        rows: Mapping[int, EntryRow],
        *,
        request_id: str | None = None,
    ) -> BatchOutcome:
        """Do what `upsert_many` does with rows whose ids and checksums are known already.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor.
        """
        principal.require_some_writing("register entries")
        audit = BatchAudit("entry.import", request_id)
        return await self._write(principal, rows, audit, BatchMode.UPSERT)

    async def update_many(
        self,
        principal: Principal,
        drafts: Mapping[int, EntryDraft],
        *,
        expected: Mapping[int, int] | None = None,
        atomic: bool = False,
        request_id: str | None = None,
    ) -> BatchOutcome:
        """Replace entries in one transaction; equal content changes nothing.

        Parameters
        ----------
        drafts
            By the number of their row, each with its id.
        expected
            By the number of a row, the version that its entry must be at.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor.
        BulkRejectedError
            If `atomic` and any row is refused: nothing is written then.
        """
        principal.require_some_writing("update entries")
        audit = BatchAudit("entry.bulk_update", request_id)
        return await self._write(
            principal, _rows(drafts), audit, BatchMode.UPDATE, atomic=atomic, expected=expected
        )

    async def delete_many(
        self,
        principal: Principal,
        targets: Mapping[int, Target],
        *,
        atomic: bool = False,
        request_id: str | None = None,
    ) -> BatchOutcome:
        """Delete entries in one transaction.

        Parameters
        ----------
        targets
            By the number of their row.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor.
        BulkRejectedError
            If `atomic` and any row is refused: nothing is deleted then.
        """
        principal.require_some_writing("delete entries")
        async with self._database.transaction() as connection:
            audit = BatchAudit("entry.bulk_delete", request_id)
            outcome = await self._batches.delete(connection, principal, targets, audit)
            _all_or_none(outcome, atomic=atomic)
        return outcome

    async def list_deleted(
        self,
        principal: Principal,
        *,
        after: tuple[datetime, str] | None = None,
        limit: int = 100,
    ) -> list[DeletedEntry]:
        """Read deleted entries that the caller could see, the latest deletion first.

        Parameters
        ----------
        after
            Time of deletion and id of the last one seen.
        """
        async with self._database.reading(principal.grants) as connection:
            return await self._entries.list_deleted(
                connection, principal.grants, after=after, limit=limit
            )

    async def _write(
        self,
        principal: Principal,
        rows: Mapping[int, EntryRow],
        audit: BatchAudit,
        mode: BatchMode,
        *,
        atomic: bool = False,
        expected: Mapping[int, int] | None = None,
    ) -> BatchOutcome:
        attempts = 3
        while True:
            try:
                async with self._database.transaction() as connection:
                    outcome = await self._batches.write(
                        connection, principal, rows, audit, mode, expected=expected
                    )
                    _all_or_none(outcome, atomic=atomic)
                return outcome
            except HandlesContendedError:
                # Single writes came between. What they committed is seen now, and refuses rows.
                attempts -= 1
                if not attempts:
                    raise


def _rows(drafts: Mapping[int, EntryDraft]) -> dict[int, EntryRow]:
    return {
        number: EntryRow.of(draft.entry_id or new_entry_id(), draft)
        for number, draft in drafts.items()
    }


def _all_or_none(outcome: BatchOutcome, *, atomic: bool) -> None:
    if atomic and outcome.refused:
        refused = sorted(outcome.refused.items())
        raise BulkRejectedError(tuple((row, error.code, str(error)) for row, error in refused))
