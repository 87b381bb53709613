"""Definitions of categories and of kinds of relationships."""

from collections.abc import Sequence
from typing import Any

import asyncpg
import orjson

from hyper_registry.domain.approval import ApprovalPolicy, HeldPolicy
from hyper_registry.domain.errors.types import TypeInUseError
from hyper_registry.domain.identifiers import EntryKey
from hyper_registry.domain.lifecycle import Lifecycle
from hyper_registry.domain.metadata_schema import compiled
from hyper_registry.domain.type_definitions import (
    CategoryChange,
    CategoryDefinition,
    CategoryDraft,
    CategoryRules,
    RelationshipTypeChange,
    RelationshipTypeDefinition,
    SchemaVersion,
    TypeDefinitions,
)
from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("type")

TYPE_CHANGES = "hyper_registry_types"
"""Channel that tells the revision of the definitions."""

_STANDARD = Lifecycle.standard()


class TypeStore:
    """Type definitions in Postgres; takes a connection and never commits."""

    async def revision(self, connection: Connection) -> int:
        """Return the number of the last change of a definition."""
        revision: int = await connection.fetchval(_SQL["fetch_revision"])
        return revision

    async def definitions(self, connection: Connection) -> TypeDefinitions:
        """Read all that is asked of entries and relationships."""
        # Read first: a change between the two leaves the older number, and is read again.
        revision = await self.revision(connection)
        categories = await connection.fetch(_SQL["fetch_category_rules"])
        types = await connection.fetch(_SQL["list_described_types"])
        policies = await connection.fetch(_SQL["fetch_approval_policies"])
        return TypeDefinitions(
            revision,
            {row["name"]: _rules(row) for row in categories},
            {row["name"]: _relationship_type(row) for row in types},
            {
                row["form"]: HeldPolicy(ApprovalPolicy(**row["approval"]), row["approval_since"])
                for row in policies
            },
        )

    async def advance(self, connection: Connection) -> int:
        """Count a change, which all processes hear of at the commit, and return its number."""
        revision: int = await connection.fetchval(_SQL["advance_revision"], TYPE_CHANGES)
        return revision

    async def list_categories(self, connection: Connection) -> list[CategoryDefinition]:
        """Read all categories, by name."""
        return [_category(row) for row in await connection.fetch(_SQL["list_categories"])]

    async def category(self, connection: Connection, name: str) -> CategoryDefinition | None:
        """Read one category."""
        row = await connection.fetchrow(_SQL["fetch_category"], name)
        return None if row is None else _category(row)

    async def lock_category(self, connection: Connection, name: str) -> None:
        """Hold a category until the transaction ends."""
        await connection.fetchrow(_SQL["lock_category"], name)

    async def insert_category(
        self, connection: Connection, draft: CategoryDraft, actor: str
    ) -> CategoryDefinition | None:
        """Add a category; None if the name is taken."""
        row = await connection.fetchrow(
            _SQL["insert_category"],
            draft.name,
            draft.description or "",
            (draft.compatibility or "none"),
            _document(draft.lifecycle),
            actor,
        )
        return None if row is None else _category(row)

    async def update_category(
        self, connection: Connection, name: str, change: CategoryChange
    ) -> CategoryDefinition | None:
        """Change what is given of a category; None if there is none."""
        row = await connection.fetchrow(
            _SQL["update_category"],
            name,
            change.description,
            change.compatibility,
            _document(change.lifecycle),
        )
        return None if row is None else _category(row)

    async def delete_category(self, connection: Connection, name: str) -> None:
        """Delete a category.

        Raises
        ------
        TypeInUseError
            If an entry has it; the transaction is lost then.
        """
        try:
            await connection.execute(_SQL["delete_category"], name)
        except asyncpg.ForeignKeyViolationError as error:
            raise TypeInUseError(name, "has entries, or deleted ones with a history") from error

    async def insert_schema(
        self, connection: Connection, category: str, document: dict[str, Any], actor: str
    ) -> int:
        """Add the next version of a locked category's schema and return its number."""
        version: int = await connection.fetchval(_SQL["insert_schema"], category, document, actor)
        return version

    async def list_schemas(self, connection: Connection, category: str) -> list[SchemaVersion]:
        """Read the versions of a category's schema, the newest first."""
        rows = await connection.fetch(_SQL["list_schemas"], category)
        return [SchemaVersion(**dict(row)) for row in rows]

    async def schema(
        self, connection: Connection, category: str, version: int | None = None
    ) -> SchemaVersion | None:
        """Read one version of a category's schema, by default the current one."""
        row = await connection.fetchrow(_SQL["fetch_schema"], category, version)
        return None if row is None else SchemaVersion(**dict(row))

    async def metadata_page(
        self, connection: Connection, category: str, after: int, limit: int
    ) -> list[tuple[EntryKey, str, dict[str, Any]]]:
        """Read keys, ids and stored metadata of entries of a category, by rising key."""
        rows = await connection.fetch(_SQL["fetch_metadata_page"], category, after, limit)
        return [(EntryKey(row["entry_key"]), row["entry_id"], row["metadata"]) for row in rows]

    async def list_relationship_types(
        self, connection: Connection, *, undescribed: bool
    ) -> list[RelationshipTypeDefinition]:
        """Read the described kinds of relationships by name, or all that were ever used."""
        rows = await connection.fetch(_SQL["list_relationship_types"], undescribed)
        return [_relationship_type(row) for row in rows]

    async def relationship_type(
        self, connection: Connection, name: str, *, undescribed: bool
    ) -> RelationshipTypeDefinition | None:
        """Read one kind of relationship, a described one or any that was ever used."""
        row = await connection.fetchrow(_SQL["fetch_relationship_type"], name, undescribed)
        return None if row is None else _relationship_type(row)

    async def lock_relationship_type(self, connection: Connection, name: str) -> int | None:
        """Hold a kind of relationship, if there is one, and return its number."""
        type_id: int | None = await connection.fetchval(_SQL["lock_relationship_type"], name)
        return type_id

    async def put_relationship_type(
        self, connection: Connection, name: str, change: RelationshipTypeChange, actor: str
    ) -> RelationshipTypeDefinition:
        """Describe a kind of relationship, new or known."""
        row = await connection.fetchrow(
            _SQL["put_relationship_type"],
            name,
            change.description,
            change.source_categories,
            change.target_categories,
            change.cardinality.value,
            change.inverse,
            change.symmetric,
            actor,
        )
        assert row is not None
        return _relationship_type(row)

    async def delete_relationship_type(self, connection: Connection, name: str) -> None:
        """Delete a kind of relationship.

        Raises
        ------
        TypeInUseError
            If a relationship has it; the transaction is lost then.
        """
        try:
            await connection.execute(_SQL["delete_relationship_type"], name)
        except asyncpg.ForeignKeyViolationError as error:
            raise TypeInUseError(name, "has relationships, or had some") from error

    async def count_violations(
        self, connection: Connection, type_id: int, change: RelationshipTypeChange
    ) -> dict[str, int]:
        """Count what exists and would not be allowed: by categories, cardinality, symmetry."""
        row = await connection.fetchrow(
            _SQL["count_violations"],
            type_id,
            change.source_categories,
            change.target_categories,
            change.cardinality.one_target,
            change.cardinality.one_source,
            change.symmetric,
        )
        assert row is not None
        return dict(row)

    async def lock_ends(self, connection: Connection, keys: Sequence[EntryKey]) -> None:
        """Hold entries until the transaction ends; relationships may still be created at them."""
        await connection.execute(_SQL["lock_ends"], keys)

    async def taken_ends(
        self,
        connection: Connection,
        name: str,
        sources: Sequence[EntryKey],
        targets: Sequence[EntryKey],
    ) -> list[tuple[EntryKey, EntryKey]]:
        """Read the living relationships of a kind from `sources` and to `targets`."""
        rows = await connection.fetch(_SQL["fetch_taken_ends"], name, sources, targets)
        return [(EntryKey(row["source_key"]), EntryKey(row["target_key"])) for row in rows]


def _document(lifecycle: Lifecycle | None) -> dict[str, Any] | None:
    return None if lifecycle is None else lifecycle.model_dump(mode="json")


def _category(row: asyncpg.Record) -> CategoryDefinition:
    return CategoryDefinition(**dict(row))


def _rules(row: asyncpg.Record) -> CategoryRules:
    lifecycle = _STANDARD if row["lifecycle"] is None else Lifecycle(**row["lifecycle"])
    if row["document"] is None:
        return CategoryRules(lifecycle)
    schema = compiled(orjson.dumps(row["document"]))
    return CategoryRules(lifecycle, schema, row["schema_version"])


def _relationship_type(row: asyncpg.Record) -> RelationshipTypeDefinition:
    return RelationshipTypeDefinition(**dict(row))
