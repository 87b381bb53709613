"""Namespaces, and the names of entries in them."""

from dataclasses import dataclass
from typing import Any

import asyncpg

from hyper_registry.domain.errors.identity import NamespaceInUseError
from hyper_registry.domain.handle import name_form
from hyper_registry.domain.identifiers import EntryId
from hyper_registry.domain.namespace import (
    EntryName,
    Namespace,
    NamespaceContent,
    NamespaceDraft,
)
from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries
from hyper_registry.storage.role_store import ACCESS_CHANGES, EVERY_CALLER

_SQL = load_queries("namespace")


@dataclass(frozen=True, slots=True)
class ResolvedName:
    """The entry that a name leads to, and whether it is a name that the entry had before."""

    entry_id: EntryId
    is_alias: bool


class NamespaceStore:
    """Namespaces in Postgres; takes a connection and never commits.

    Namespaces are named by their forms.
    """

    async def insert(
        self, connection: Connection, draft: NamespaceDraft, created_by: str
    ) -> Namespace | None:
        """Store a namespace; None where its form is taken."""
        row = await connection.fetchrow(
            _SQL["insert_namespace"],
            name_form(draft.name),
            draft.name,
            draft.description,
            created_by,
            None if draft.approval is None else draft.approval.model_dump(mode="json"),
        )
        return None if row is None else _namespace(row)

    async def fetch(self, connection: Connection, form: str) -> Namespace | None:
        """Read a namespace."""
        row = await connection.fetchrow(_SQL["fetch_namespace"], form)
        return None if row is None else _namespace(row)

    async def list_page(self, connection: Connection, after: str, limit: int) -> list[Namespace]:
        """Read namespaces by form, after one of them."""
        rows = await connection.fetch(_SQL["list_namespaces"], after, limit)
        return [_namespace(row) for row in rows]

    async def update(
        self, connection: Connection, form: str, content: NamespaceContent
    ) -> Namespace | None:
        """Change what is given of a namespace; None if there is none."""
        given, policy = content.model_fields_set, content.approval
        row = await connection.fetchrow(
            _SQL["update_namespace"],
            form,
            content.description if "description" in given else None,
            "approval" in given,
            None if policy is None else policy.model_dump(mode="json"),
        )
        return None if row is None else _namespace(row)

    async def delete(self, connection: Connection, form: str) -> bool:
        """Delete a namespace with its bindings and tell all processes; False if there is none.

        Raises
        ------
        NamespaceInUseError
            If entries have or had names in it; the transaction is lost then.
        """
        try:
            deleted = await connection.fetchval(
                _SQL["delete_namespace"], form, ACCESS_CHANGES, EVERY_CALLER
            )
        except asyncpg.ForeignKeyViolationError as error:
            raise NamespaceInUseError(form) from error
        return deleted is not None

    async def resolve(
        self, connection: Connection, form: str, grants: list[str] | None
    ) -> ResolvedName | None:
        """Find the living entry that has or had a handle, if `grants` may see it."""
        row = await connection.fetchrow(_SQL["resolve_handle"], form, grants)
        return None if row is None else ResolvedName(EntryId(row["entry_id"]), row["is_alias"])

    async def list_names(
        self, connection: Connection, entry_id: str, grants: list[str] | None
    ) -> list[EntryName] | None:
        """Read all names of a living entry, the present one first; None if it is not seen."""
        rows = await connection.fetch(_SQL["list_names"], entry_id, grants)
        if not rows:
            return None
        return [EntryName(**dict(row)) for row in rows if row["handle"] is not None]


def _namespace(row: Any) -> Namespace:
    return Namespace(**dict(row))
