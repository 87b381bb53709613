"""Operations on the life of entries: handed to another owner, listed past their sunset."""

from collections.abc import Collection
from datetime import datetime

from hyper_registry.catalog.entries import EntryService
from hyper_registry.domain.entry import Entry, draft_of
from hyper_registry.domain.lifecycle import SunsetEntry, instant_text
from hyper_registry.domain.principal import Principal
from hyper_registry.storage.database import Database
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.lifecycle_store import LifecycleStore


class LifecycleService:
    """Works on the life of entries on behalf of a principal."""

    def __init__(
        self,
        database: Database,
        entries: EntryService,
        lifecycle: LifecycleStore,
        journal: JournalStore,
    ) -> None:
        self._database = database
        self._entries = entries
        self._lifecycle = lifecycle
        self._journal = journal

    async def transfer(
        self,
        principal: Principal,
        entry_id: str,
        owner: str,
        *,
        note: str | None = None,
        expected_versions: Collection[int] | None = None,
        request_id: str | None = None,
    ) -> Entry:
        """Give an entry to another owner; a private one is then visible to that one.

        Beside the update, the audit log has a row of its own with both owners.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor.
        EntryNotFoundError
            If there is none that the caller may see.
        VersionConflictError
            If the entry is at none of the `expected_versions`.
        """
        principal.require_some_writing("transfer entries")
        async with self._database.transaction() as connection:
            entry = await self._entries.hold(connection, principal, entry_id, expected_versions)
            if entry.owner == owner:
                return entry
            draft = draft_of(entry).model_copy(update={"owner": owner})
            transferred = await self._entries.replace_in(
                connection, principal, entry_id, draft, request_id=request_id
            )
            await self._journal.append_audit(
                connection,
                actor=principal.name,
                action="entry.transfer",
                target=entry_id,
                request_id=request_id,
                detail={"from": entry.owner, "to": owner, "note": note},
            )
        return transferred

    async def past_sunset(
        self,
        principal: Principal,
        before: datetime,
        after: tuple[str, str] = ("", ""),
        *,
        owner: str | None = None,
        limit: int = 100,
    ) -> list[SunsetEntry]:
        """Return entries that the caller may see and whose sunset lies before a time.

        Parameters
        ----------
        after
            Sunset (see `instant_text`) and id of the last entry seen.
        """
        async with self._database.connection() as connection:
            return await self._lifecycle.list_sunset(
                connection,
                principal.grants,
                instant_text(before),
                after,
                owner=owner,
                limit=limit,
            )
