"""The names of entries: found by them, given others, and found by the old ones for ever."""

from collections.abc import Collection

from hyper_registry.catalog.entries import EntryService
from hyper_registry.domain.entry import Entry
from hyper_registry.domain.errors.entry import EntryNotFoundError
from hyper_registry.domain.errors.identity import HandleNotFoundError
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.handle import checked_handle, name_form, namespace_name
from hyper_registry.domain.namespace import EntryNames, FoundBy, NamedEntry
from hyper_registry.domain.principal import Principal
from hyper_registry.storage.database import Database
from hyper_registry.storage.merge_store import MergeStore
from hyper_registry.storage.namespace_store import NamespaceStore


class NamingService:
    """Finds entries by their names, and renames them, on behalf of a principal."""

    def __init__(
        self,
        database: Database,
        entries: EntryService,
        namespaces: NamespaceStore,
        merges: MergeStore,
    ) -> None:
        self._database = database
        self._entries = entries
        self._namespaces = namespaces
        self._merges = merges

    async def get(self, principal: Principal, handle: str) -> NamedEntry:
        """Read the entry that has a handle, or had it, and tell which.

        Case and ways of writing a character make no difference.

        Raises
        ------
        HandleNotFoundError
            If there is none that the caller may see, also for what can be no handle.
        """
        try:
            form = name_form(checked_handle(handle))
        except ValueError as error:
            raise HandleNotFoundError(handle) from error
        async with self._database.connection() as connection:
            found = await self._namespaces.resolve(connection, form, principal.grants)
        if found is None:
            raise HandleNotFoundError(handle)
        try:
            entry = await self._entries.get(principal, found.entry_id)
        except EntryNotFoundError as error:
            raise HandleNotFoundError(handle) from error
        return NamedEntry.of(entry, _found_by(handle, entry, is_alias=found.is_alias))

    async def get_by_id(self, principal: Principal, entry_id: str) -> Entry:
        """Read an entry, or the one that an entry of this id was merged into: a `NamedEntry`.

        Raises
        ------
        EntryNotFoundError
            If there is neither that the caller may see.
        """
        try:
            return await self._entries.get(principal, entry_id)
        except EntryNotFoundError:
            async with self._database.connection() as connection:
                survivor = await self._merges.resolve(connection, entry_id, principal.grants)
            if survivor is None:
                raise
            try:
                entry = await self._entries.get(principal, survivor)
            except EntryNotFoundError as error:
                raise EntryNotFoundError(entry_id) from error
        return NamedEntry.of(entry, _found_by(entry_id, entry, is_alias=True))

    async def rename(
        self,
        principal: Principal,
        entry_id: str,
        name: str,
        *,
        expected_versions: Collection[int] | None = None,
        request_id: str | None = None,
    ) -> Entry:
        """Give an entry another name in its namespace; the old one stays an alias.

        Raises
        ------
        PermissionDeniedError
            If the caller may not write in the namespace.
        EntryNotFoundError
            If there is none that the caller may see.
        VersionConflictError
            If the entry is at none of the `expected_versions`.
        InvalidFieldError
            If the name can be none, or the entry is in no namespace.
        HandleTakenError
            If another entry has the name, or had it.
        """
        return await self._renamed(
            principal, entry_id, None, name, expected_versions, request_id, "rename"
        )

    async def transfer(
        self,
        principal: Principal,
        entry_id: str,
        namespace: str,
        *,
        name: str | None = None,
        expected_versions: Collection[int] | None = None,
        request_id: str | None = None,
    ) -> Entry:
        """Take an entry to another namespace; the old handle stays an alias.

        Who has a role in the namespace it leaves sees it no more by that role, and who has one in
        the namespace it comes to does.

        Parameters
        ----------
        name
            Its name there; by default the one that it has.

        Raises
        ------
        PermissionDeniedError
            If the caller may not write in both namespaces.
        UnknownNamespaceError
            If there is no such namespace.
        EntryNotFoundError, VersionConflictError, InvalidFieldError, HandleTakenError
            As `rename`.
        """
        return await self._renamed(
            principal, entry_id, namespace, name, expected_versions, request_id, "move"
        )

    async def list_names(self, principal: Principal, entry_id: str) -> EntryNames:
        """Return all names of an entry, and the entries that were merged into it.

        Raises
        ------
        EntryNotFoundError
            If there is none that the caller may see.
        """
        async with self._database.connection() as connection:
            names = await self._namespaces.list_names(connection, entry_id, principal.grants)
            if names is None:
                raise EntryNotFoundError(entry_id)
            merged = await self._merges.list_merged(connection, entry_id, principal.grants)
        return EntryNames(items=names, merged=merged)

    async def _renamed(
        self,
        principal: Principal,
        entry_id: str,
        namespace: str | None,
        name: str | None,
        expected_versions: Collection[int] | None,
        request_id: str | None,
        action: str,
    ) -> Entry:
        principal.require_some_writing("rename entries")
        namespace = None if namespace is None else _part("namespace", namespace)
        name = None if name is None else _part("name", name)
        async with self._database.transaction() as connection:
            entry = await self._entries.hold(connection, principal, entry_id, expected_versions)
            held_namespace, _, held_name = (entry.handle or "").partition("/")
            namespace, name = namespace or held_namespace, name or held_name
            if not namespace or not name:
                raise InvalidFieldError(
                    "name" if namespace else "namespace",
                    "is missing: the entry has no handle yet",
                    "Transfer it with a namespace and a name, or write its handle.",
                )
            return await self._entries.rename_in(
                connection,
                principal,
                entry,
                f"{namespace}/{name}",
                action=action,
                request_id=request_id,
            )


def _part(field: str, value: str) -> str:
    try:
        return namespace_name(value)
    except ValueError as error:
        raise InvalidFieldError(field, str(error), "Choose another name.") from error


def _found_by(name: str, entry: Entry, *, is_alias: bool) -> FoundBy:
    return FoundBy(name=name, is_alias=is_alias, canonical=entry.handle)
