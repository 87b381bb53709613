"""Relationship types: what each means, and which relationships of it may be."""

from hyper_registry.domain.errors.types import (
    CategoryNotFoundError,
    RelationshipTypeNotFoundError,
    TypeInUseError,
)
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.domain.type_definitions import (
    RelationshipTypeChange,
    RelationshipTypeDefinition,
)
from hyper_registry.storage.database import Connection, Database
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.type_store import TypeStore


class RelationshipTypeService:
    """Reads of relationship types for all, changes for administrators."""

    def __init__(self, database: Database, types: TypeStore, journal: JournalStore) -> None:
        self._database = database
        self._types = types
        self._journal = journal

    async def list_all(self, principal: Principal) -> list[RelationshipTypeDefinition]:
        """Return the types that were described, by name.

        For an administrator also those that relationships brought along, which may all be hidden.
        """
        async with self._database.connection() as connection:
            return await self._types.list_relationship_types(
                connection, undescribed=principal.grants is None
            )

    async def get(self, principal: Principal, name: str) -> RelationshipTypeDefinition:
        """Return one type, under the conditions of `list_all`.

        Raises
        ------
        RelationshipTypeNotFoundError
            If there is none of this name.
        """
        async with self._database.connection() as connection:
            found = await self._types.relationship_type(
                connection, name, undescribed=principal.grants is None
            )
        if found is None:
            raise RelationshipTypeNotFoundError(name)
        return found

    async def put(
        self,
        principal: Principal,
        name: str,
        change: RelationshipTypeChange,
        *,
        request_id: str | None = None,
    ) -> RelationshipTypeDefinition:
        """Describe a type, new or known.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        CategoryNotFoundError
            If a category is not registered.
        TypeInUseError
            If living relationships of the type would not be allowed, with their number.
        """
        principal.require(Role.ADMIN, "describe relationship types")
        async with self._database.transaction() as connection:
            known = {category.name for category in await self._types.list_categories(connection)}
            for category in (*(change.source_categories or ()), *(change.target_categories or ())):
                if category not in known:
                    raise CategoryNotFoundError(category)
            type_id = await self._types.lock_relationship_type(connection, name)
            if type_id is not None:
                counts = await self._types.count_violations(connection, type_id, change)
                against = ", ".join(f"{count} by {rule}" for rule, count in counts.items() if count)
                if against:
                    raise TypeInUseError(name, f"has relationships against it: {against}")
            described = await self._types.put_relationship_type(
                connection, name, change, principal.name
            )
            await self._record(connection, principal, "relationship_type.put", name, request_id)
        return described

    async def delete(
        self, principal: Principal, name: str, *, request_id: str | None = None
    ) -> None:
        """Delete a type without relationships.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        RelationshipTypeNotFoundError
            If there is none of this name.
        TypeInUseError
            If a relationship has it.
        """
        principal.require(Role.ADMIN, "delete relationship types")
        async with self._database.transaction() as connection:
            if await self._types.lock_relationship_type(connection, name) is None:
                raise RelationshipTypeNotFoundError(name)
            await self._types.delete_relationship_type(connection, name)
            await self._record(connection, principal, "relationship_type.delete", name, request_id)

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
