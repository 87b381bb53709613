"""Calls of the public face about names, namespaces and duplicates."""

from collections.abc import AsyncIterator
from uuid import UUID

from hyper_registry.client.backend import Backend
from hyper_registry.client.checking import checked
from hyper_registry.domain.duplicate import (
    DuplicateCandidate,
    DuplicatePair,
    DuplicateRejection,
)
from hyper_registry.domain.entry import Entry
from hyper_registry.domain.merge import Merge, MergedPermissions
from hyper_registry.domain.namespace import EntryNames, NamedEntry, Namespace, NamespaceDraft

_PAGE = 1_000
_DUPLICATES_PAGE = 20


class NamingMethods:
    """Mixin of the public face: handles and aliases, namespaces, duplicates.

    A call that takes `expected_version` raises `VersionConflictError` where the entry is at
    another. All raise `EntryNotFoundError` for what is not there or the caller may not see.
    """

    _backend: Backend

    async def get_entry_by_handle(self, handle: str) -> NamedEntry:
        """Read the entry that has a handle `namespace/name`, or had it: `found_by` tells which.

        Raises
        ------
        HandleNotFoundError
            If there is none that the caller may see.
        """
        return await self._backend.by_handle(handle)

    async def rename_entry(
        self, entry_id: str, name: str, *, expected_version: int | None = None
    ) -> Entry:
        """Give an entry another name in its namespace; the old handle leads to it for ever.

        Raises
        ------
        HandleTakenError
            If another entry has the name, or had it.
        InvalidFieldError
            If the name can be none, or the entry has no handle yet.
        """
        return await self._backend.rename(entry_id, name, expected_version=expected_version)

    async def transfer_entry(
        self,
        entry_id: str,
        namespace: str,
        *,
        name: str | None = None,
        expected_version: int | None = None,
    ) -> Entry:
        """Take an entry to another namespace; the old handle leads to it for ever.

        Parameters
        ----------
        name
            Its name there; by default the one that it has.

        Raises
        ------
        UnknownNamespaceError
            If there is no such namespace.
        HandleTakenError, InvalidFieldError
            As `rename_entry`.
        """
        return await self._backend.transfer(
            entry_id, namespace, name, expected_version=expected_version
        )

    async def get_aliases(self, entry_id: str) -> EntryNames:
        """Return all that leads to an entry: its handles, and what was merged into it."""
        return await self._backend.names(entry_id)

    async def create_namespace(self, name: str, description: str = "") -> Namespace:
        """Create a namespace, which the caller owns.

        Raises
        ------
        NamespaceExistsError
            If there is one of this name, or of another way to write it.
        InvalidFieldError
            If the name can be none.
        """
        draft = checked(NamespaceDraft, {"name": name, "description": description})
        return await self._backend.create_namespace(draft)

    async def list_namespaces(self) -> list[Namespace]:
        """Return all namespaces."""
        found: list[Namespace] = []
        after = ""
        while page := await self._backend.namespaces_page(after, _PAGE):
            found += page
            after = page[-1].form
        return found

    async def find_duplicates(
        self, entry_id: str, *, min_score: float = 0.5, limit: int = 10
    ) -> list[DuplicateCandidate]:
        """Return what may be the same thing as an entry, with evidence, the likeliest first."""
        found = await self._backend.duplicates_of(entry_id, min_score, limit)
        return found.items

    async def iterate_duplicates(self, *, min_score: float = 0.7) -> AsyncIterator[DuplicatePair]:
        """Walk over the pairs of the whole registry; each costs a search, so it takes its time."""
        after: str | None = None
        while True:
            page = await self._backend.duplicates_page(after, min_score, _DUPLICATES_PAGE)
            for pair in page.items:
                yield pair
            after = page.next_after
            if after is None:
                return

    async def reject_duplicate(self, entry_id: str, other_id: str) -> DuplicateRejection:
        """Note that two entries are two things: not proposed until one of them is reworded.

        Raises
        ------
        InvalidFieldError
            If both are the same.
        """
        return await self._backend.reject_duplicate(entry_id, other_id)

    async def merge_entries(
        self,
        duplicate_id: str,
        into: str,
        *,
        permissions: str = MergedPermissions.KEEP,
        expected_version: int | None = None,
    ) -> Merge:
        """Merge a duplicate into another entry: its id and handles lead there from then on.

        Parameters
        ----------
        permissions
            ``keep`` or ``union``, see `MergedPermissions`.
        expected_version
            Of the duplicate.

        Raises
        ------
        MergeWidensReadersError
            If with ``keep`` somebody sees the survivor who does not see the duplicate.
        MergeSelfError
            If both are the same.
        """
        wanted = MergedPermissions(permissions)
        return await self._backend.merge(
            duplicate_id, into, wanted, expected_version=expected_version
        )

    async def undo_merge(self, merge_id: UUID | str) -> Merge:
        """Undo a merge; what came to the survivor since stays there.

        Raises
        ------
        MergeNotFoundError
            If there is none of entries that the caller may see.
        MergeUndoConflictError
            If something the merge did was changed since.
        """
        return await self._backend.undo_merge(UUID(str(merge_id)))
