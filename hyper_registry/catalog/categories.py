"""Categories: added, described and deleted, each with a schema for metadata in versions."""

from typing import Any

from hyper_registry.domain.errors.types import (
    CategoryExistsError,
    CategoryNotFoundError,
    SchemaIncompatibleError,
    TypeInUseError,
)
from hyper_registry.domain.metadata_schema import MetadataSchema
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.domain.schema_compatibility import incompatibilities
from hyper_registry.domain.sealing import KeyRing, opened, shown
from hyper_registry.domain.type_definitions import (
    CategoryChange,
    CategoryDefinition,
    CategoryDraft,
    InvalidEntry,
    SchemaReport,
    SchemaVersion,
)
from hyper_registry.storage.database import Connection, Database
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.type_store import TypeStore

_PAGE = 1_000
_NAMED_ENTRIES = 100


class CategoryService:
    """Reads of categories for all, changes for administrators."""

    def __init__(
        self,
        database: Database,
        types: TypeStore,
        journal: JournalStore,
        ring: KeyRing | None = None,
    ) -> None:
        self._database = database
        self._types = types
        self._journal = journal
        self._ring = ring

    async def list_all(self) -> list[CategoryDefinition]:
        """Return all categories, by name."""
        async with self._database.connection() as connection:
            return await self._types.list_categories(connection)

    async def get(self, name: str) -> CategoryDefinition:
        """Return one category.

        Raises
        ------
        CategoryNotFoundError
            If there is none of this name.
        """
        async with self._database.connection() as connection:
            return await self._get(connection, name)

    async def create(
        self, principal: Principal, draft: CategoryDraft, *, request_id: str | None = None
    ) -> CategoryDefinition:
        """Add a category.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        CategoryExistsError
            If the name is taken.
        """
        principal.require(Role.ADMIN, "create categories")
        async with self._database.transaction() as connection:
            created = await self._types.insert_category(connection, draft, principal.name)
            if created is None:
                raise CategoryExistsError(draft.name)
            await self._record(connection, principal, "category.create", draft.name, request_id)
        return created

    async def update(
        self,
        principal: Principal,
        name: str,
        change: CategoryChange,
        *,
        request_id: str | None = None,
    ) -> CategoryDefinition:
        """Change description, compatibility or lifecycle of a category, a built-in one too.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        CategoryNotFoundError
            If there is none of this name.
        """
        principal.require(Role.ADMIN, "update categories")
        async with self._database.transaction() as connection:
            updated = await self._types.update_category(connection, name, change)
            if updated is None:
                raise CategoryNotFoundError(name)
            await self._record(connection, principal, "category.update", name, request_id)
        return updated

    async def delete(
        self, principal: Principal, name: str, *, request_id: str | None = None
    ) -> None:
        """Delete a category that was added and has no entries.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        CategoryNotFoundError
            If there is none of this name.
        TypeInUseError
            If it is built in, or an entry has it.
        """
        principal.require(Role.ADMIN, "delete categories")
        async with self._database.transaction() as connection:
            if (await self._get(connection, name)).built_in:
                raise TypeInUseError(name, "is built in and stays")
            await self._types.delete_category(connection, name)
            await self._record(connection, principal, "category.delete", name, request_id)

    async def list_schemas(self, name: str) -> list[SchemaVersion]:
        """Return all versions of a category's schema, the newest first.

        Raises
        ------
        CategoryNotFoundError
            If there is no such category.
        """
        async with self._database.connection() as connection:
            await self._get(connection, name)
            return await self._types.list_schemas(connection, name)

    async def put_schema(
        self,
        principal: Principal,
        name: str,
        document: dict[str, Any],
        *,
        dry_run: bool = False,
        check_limit: int = 10_000,
        request_id: str | None = None,
    ) -> SchemaReport:
        """Store a new version of a category's schema, or only try it.

        Existing entries that do not fit are reported and stay; their next write must fit.

        Parameters
        ----------
        check_limit
            Existing entries to look at, at most.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        CategoryNotFoundError
            If there is no such category.
        InvalidSchemaError
            If the document is no schema that can be used.
        SchemaIncompatibleError
            If it breaks the compatibility of the category, and this is no trial.
        """
        principal.require(Role.ADMIN, "change the schemas of categories")
        schema = MetadataSchema(document)
        async with self._database.transaction() as connection:
            await self._types.lock_category(connection, name)
            mode = (await self._get(connection, name)).compatibility
            current = await self._types.schema(connection, name)
            found = () if current is None else incompatibilities(current.document, document, mode)
            if found and not dry_run:
                places = tuple((place.pointer, place.reason) for place in found)
                raise SchemaIncompatibleError(f"category {name!r}", mode.value, places)
            checked, count, invalid, complete = await self._try(
                connection, name, schema, check_limit
            )
            version: int | None = None
            if not dry_run:
                version = await self._types.insert_schema(
                    connection, name, document, principal.name
                )
                await self._record(connection, principal, "category.schema", name, request_id)
        return SchemaReport(
            version=version,
            compatibility=mode,
            breaks=[f"{place.pointer or '/'}: {place.reason}" for place in found],
            checked=checked,
            invalid_count=count,
            invalid=invalid,
            complete=complete,
        )

    async def _try(
        self, connection: Connection, name: str, schema: MetadataSchema, limit: int
    ) -> tuple[int, int, list[InvalidEntry], bool]:
        """Validate existing entries: how many were looked at, the faulty ones, whether all."""
        after, checked, count = 0, 0, 0
        invalid: list[InvalidEntry] = []
        while True:
            size = min(_PAGE, limit - checked)
            # One more than is looked at tells whether there are more.
            page = await self._types.metadata_page(connection, name, after, size + 1)
            for _, entry_id, metadata in page[:size]:
                # What is sealed and cannot be opened here is judged by its placeholder.
                clear = opened(self._ring, entry_id, metadata) if self._ring else shown(metadata)
                faults = schema.faults(clear)
                count += bool(faults)
                if faults and len(invalid) < _NAMED_ENTRIES:
                    texts = [f"/metadata{fault.pointer}: {fault.detail}" for fault in faults]
                    invalid.append(InvalidEntry(entry_id=entry_id, faults=texts))
            checked += min(size, len(page))
            if len(page) <= size:
                return checked, count, invalid, True
            if checked >= limit:
                return checked, count, invalid, False
            after = page[size - 1][0]

    async def _get(self, connection: Connection, name: str) -> CategoryDefinition:
        found = await self._types.category(connection, name)
        if found is None:
            raise CategoryNotFoundError(name)
        return found

    async def _record(
        self,
        connection: Connection,
        principal: Principal,
        action: str,
        name: str,
        request_id: str | None,
    ) -> None:
        await self._types.advance(connection)
        await self._journal.append_audit(
            connection, actor=principal.name, action=action, target=name, request_id=request_id
        )
