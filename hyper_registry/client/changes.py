"""Calls of the public face that change what is there, and that tell what was."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from pydantic import JsonValue

from hyper_registry.client.backend import Backend
from hyper_registry.domain.entry import Entry
from hyper_registry.domain.entry_version import EntryDifference, EntryVersion
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.identifiers import RelationshipId
from hyper_registry.domain.relationship import Relationship

_PAGE = 200


class ChangeMethods:
    """Mixin of the public face: patches, deletion and return, versions.

    A call that takes `expected_version` raises `VersionConflictError` where the entry or
    relationship is at another. All raise `EntryNotFoundError` or `RelationshipNotFoundError` for
    what is not there or the caller may not see.
    """

    _backend: Backend

    async def patch_entry(
        self,
        entry_id: str,
        changes: Mapping[str, JsonValue],
        *,
        expected_version: int | None = None,
    ) -> Entry:
        """Change the named fields of an entry, and return it.

        Parameters
        ----------
        changes
            An RFC 7386 merge patch: objects are merged, None removes, all else replaces.

        Raises
        ------
        InvalidFieldError, UnknownCategoryError
            If the result has a field that it may not have so.
        EntryNotFoundError, VersionConflictError
            See the class.
        """
        return await self._backend.patch(entry_id, changes, expected_version=expected_version)

    async def delete_entry(self, entry_id: str, *, expected_version: int | None = None) -> None:
        """Delete an entry; it can be undeleted until it is purged.

        Raises
        ------
        EntryNotFoundError, VersionConflictError
            See the class.
        """
        await self._backend.delete(entry_id, expected_version=expected_version)

    async def undelete_entry(self, entry_id: str, *, expected_version: int | None = None) -> Entry:
        """Let a deleted entry live again as it was, with its relationships.

        Raises
        ------
        EntryNotFoundError, VersionConflictError
            See the class.
        """
        return await self._backend.undelete(entry_id, expected_version=expected_version)

    async def list_versions(self, entry_id: str, *, limit: int | None = None) -> list[EntryVersion]:
        """Read the versions of an entry, deleted or not, newest first.

        Parameters
        ----------
        limit
            At most so many; None for all.

        Raises
        ------
        EntryNotFoundError
            See the class.
        """
        versions: list[EntryVersion] = []
        before: int | None = None
        while limit is None or len(versions) < limit:
            size = _PAGE if limit is None else min(_PAGE, limit - len(versions))
            page = await self._backend.versions_page(entry_id, before, size)
            versions += page.items
            before = page.next_before
            if before is None:
                break
        return versions

    async def get_version(self, entry_id: str, version: int) -> EntryVersion:
        """Read one version of an entry.

        Raises
        ------
        EntryNotFoundError
            See the class.
        VersionNotFoundError
            If there is no such version that the caller may see.
        """
        return await self._backend.version(entry_id, version)

    async def get_entry_as_of(self, entry_id: str, moment: datetime) -> EntryVersion:
        """Read an entry as it was.

        Parameters
        ----------
        moment
            With its time zone.

        Raises
        ------
        EntryNotFoundError
            See the class.
        VersionNotFoundError
            If it was not there then, or the caller may not see it as it was.
        InvalidFieldError
            If `moment` names no time zone.
        """
        if moment.tzinfo is None:
            reason = f"{moment.isoformat()} has no time zone"
            raise InvalidFieldError("as_of", reason, "Give one, such as datetime.UTC.")
        return await self._backend.as_of(entry_id, moment)

    async def diff_versions(
        self, entry_id: str, from_version: int, to_version: int
    ) -> EntryDifference:
        """Tell as an RFC 6902 patch what leads from one version to another.

        Raises
        ------
        EntryNotFoundError, VersionNotFoundError
            As `get_version`.
        """
        return await self._backend.diff(entry_id, from_version, to_version)

    async def restore_version(
        self, entry_id: str, version: int, *, expected_version: int | None = None
    ) -> Entry:
        """Give an entry the content of an earlier version, as a new version.

        Raises
        ------
        EntryNotFoundError, VersionNotFoundError, VersionConflictError
            See the class and `get_version`.
        """
        return await self._backend.restore(entry_id, version, expected_version=expected_version)

    async def get_relationship(self, relationship_id: UUID | str) -> Relationship:
        """Read a relationship.

        Raises
        ------
        RelationshipNotFoundError
            See the class.
        InvalidFieldError
            If the id is no UUID.
        """
        return await self._backend.get_relationship(_relationship_id(relationship_id))

    async def update_relationship(
        self,
        relationship_id: UUID | str,
        changes: Mapping[str, JsonValue],
        *,
        expected_version: int | None = None,
    ) -> Relationship:
        """Change the named fields of a relationship, and return it.

        Parameters
        ----------
        changes
            An RFC 7386 merge patch of weight, bidirectional and metadata.

        Raises
        ------
        RelationshipNotFoundError, VersionConflictError
            See the class.
        RelationshipEndsError
            If its ends or its type would change.
        InvalidFieldError
            If the result has a field that it may not have so, or the id is no UUID.
        """
        return await self._backend.patch_relationship(
            _relationship_id(relationship_id), changes, expected_version=expected_version
        )

    async def delete_relationship(
        self, relationship_id: UUID | str, *, expected_version: int | None = None
    ) -> None:
        """Delete a relationship; its history stays.

        Raises
        ------
        RelationshipNotFoundError, VersionConflictError
            See the class.
        InvalidFieldError
            If the id is no UUID.
        """
        await self._backend.delete_relationship(
            _relationship_id(relationship_id), expected_version=expected_version
        )


def _relationship_id(value: UUID | str) -> RelationshipId:
    try:
        return RelationshipId(UUID(str(value)))
    except ValueError as error:
        reason = f"{value!r} is no UUID"
        raise InvalidFieldError("relationship_id", reason, "Send the id as it was told.") from error
