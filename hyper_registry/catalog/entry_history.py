"""What entries were: versions, states at a moment, differences."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# (jsonpatch has no annotations)

from datetime import datetime

import jsonpatch

from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.entry_version import (
    EntryDifference,
    EntryVersion,
    EntryVersionPage,
)
from hyper_registry.domain.errors.entry import EntryNotFoundError, VersionNotFoundError
from hyper_registry.domain.principal import Principal
from hyper_registry.storage.database import Connection, Database
from hyper_registry.storage.history_store import HistoryStore

_CONTENT = set(EntryDraft.model_fields) - {"entry_id"}


class EntryHistory:
    """Reads of versions on behalf of a principal.

    Who may see the present version of an entry, or the last one of a deleted entry, may see those
    of its versions that it could have seen then; all others are absent.
    """

    def __init__(self, database: Database, history: HistoryStore) -> None:
        self._database = database
        self._history = history

    async def list_versions(
        self, principal: Principal, entry_id: str, *, before: int | None = None, limit: int = 50
    ) -> EntryVersionPage:
        """Read versions of an entry, newest first, from below `before` on.

        Raises
        ------
        EntryNotFoundError
            If there is no such entry that the caller may see.
        """
        async with self._database.reading(principal.grants) as connection:
            found = await self._history.list_versions(
                connection, entry_id, principal.grants, before=before, limit=limit
            )
            if not found:
                await self._require_entry(connection, principal, entry_id)
        more = len(found) == limit and found[-1].version > 1
        return EntryVersionPage.model_construct(
            items=found, next_before=found[-1].version if more else None
        )

    async def get_version(self, principal: Principal, entry_id: str, version: int) -> EntryVersion:
        """Read one version of an entry.

        Raises
        ------
        EntryNotFoundError
            If there is no such entry that the caller may see.
        VersionNotFoundError
            If it has no such version that the caller may see.
        """
        async with self._database.reading(principal.grants) as connection:
            return await self._get(connection, principal, entry_id, version)

    async def get_as_of(
        self, principal: Principal, entry_id: str, moment: datetime
    ) -> EntryVersion:
        """Read an entry as it was at a moment.

        Raises
        ------
        EntryNotFoundError
            If there is no such entry that the caller may see.
        VersionNotFoundError
            If it was not there then, was deleted, or the caller may not see that version.
        """
        async with self._database.reading(principal.grants) as connection:
            found = await self._history.fetch_as_of(connection, entry_id, principal.grants, moment)
            if found is None or found.deleted:
                await self._require_entry(connection, principal, entry_id)
                raise VersionNotFoundError(entry_id, f"of {moment.isoformat()}")
        return found

    async def diff(
        self, principal: Principal, entry_id: str, from_version: int, to_version: int
    ) -> EntryDifference:
        """Tell what leads from the content of one version to that of another.

        Raises
        ------
        EntryNotFoundError, VersionNotFoundError
            As `get_version`, for either.
        """
        async with self._database.reading(principal.grants) as connection:
            older = await self._get(connection, principal, entry_id, from_version)
            newer = await self._get(connection, principal, entry_id, to_version)
        patch = jsonpatch.make_patch(
            older.model_dump(mode="json", include=_CONTENT),
            newer.model_dump(mode="json", include=_CONTENT),
        )
        return EntryDifference(
            entry_id=older.entry_id,
            from_version=from_version,
            to_version=to_version,
            patch=patch.patch,
        )

    async def _get(
        self, connection: Connection, principal: Principal, entry_id: str, version: int
    ) -> EntryVersion:
        found = await self._history.fetch_version(connection, entry_id, principal.grants, version)
        if found is None:
            await self._require_entry(connection, principal, entry_id)
            raise VersionNotFoundError(entry_id, str(version))
        return found

    async def _require_entry(
        self, connection: Connection, principal: Principal, entry_id: str
    ) -> None:
        newest = await self._history.list_versions(
            connection, entry_id, principal.grants, before=None, limit=1
        )
        if not newest:
            raise EntryNotFoundError(entry_id)
