"""Reads and writes of custom roles and of the roles that principals hold in namespaces."""

from typing import Any

import asyncpg

from hyper_registry.domain.errors.identity import NamespaceNotFoundError
from hyper_registry.domain.handle import name_form
from hyper_registry.domain.principal import (
    ROLE_SCOPES,
    NamespaceBinding,
    NamespaceRole,
    Principal,
    Role,
)
from hyper_registry.domain.role import BindingDraft, CustomRole, RoleBinding, RoleContent, RoleDraft
from hyper_registry.domain.scope import NAMESPACE_WRITING, Scope
from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("role")

ACCESS_CHANGES = "api_key"
"""Channel on which changes of access are notified: a key's id, or `EVERY_CALLER`."""

EVERY_CALLER = "*"
"""Payload that tells of a change which may concern any caller."""


class RoleStore:
    """Custom roles and bindings in Postgres; takes a connection and never commits."""

    async def insert(
        self, connection: Connection, draft: RoleDraft, created_by: str
    ) -> CustomRole | None:
        """Store a custom role; None where its name is taken."""
        row = await connection.fetchrow(
            _SQL["insert_role"], draft.name, draft.description, sorted(draft.scopes), created_by
        )
        return None if row is None else _role(row)

    async def fetch(self, connection: Connection, name: str) -> CustomRole | None:
        """Read a custom role."""
        row = await connection.fetchrow(_SQL["fetch_role"], name)
        return None if row is None else _role(row)

    async def list_page(self, connection: Connection, after: str, limit: int) -> list[CustomRole]:
        """Read custom roles by name, after one of them."""
        return [_role(row) for row in await connection.fetch(_SQL["list_roles"], after, limit)]

    async def update(
        self, connection: Connection, name: str, content: RoleContent
    ) -> CustomRole | None:
        """Replace a custom role and tell all processes; None if there is none."""
        row = await connection.fetchrow(
            _SQL["update_role"],
            name,
            content.description,
            sorted(content.scopes),
            ACCESS_CHANGES,
            EVERY_CALLER,
        )
        return None if row is None else _role(row)

    async def delete(self, connection: Connection, name: str) -> bool:
        """Delete a custom role and tell all processes; False if there is none."""
        deleted = await connection.fetchval(_SQL["delete_role"], name, ACCESS_CHANGES, EVERY_CALLER)
        return deleted is not None

    async def count_holders(self, connection: Connection, name: str) -> int:
        """Count the keys that have a role and were not revoked."""
        return int(await connection.fetchval(_SQL["count_holders"], name))

    async def lock_scopes(self, connection: Connection, name: str) -> frozenset[Scope] | None:
        """Read the scopes of a custom role and keep it from being deleted."""
        scopes = await connection.fetchval(_SQL["lock_role"], name)
        return None if scopes is None else frozenset(map(Scope, scopes))

    async def fetch_principal(
        self,
        connection: Connection,
        name: str,
        role: str,
        groups: frozenset[str],
        *,
        credential: str,
    ) -> Principal | None:
        """Return the holder of a role, with its namespace roles; None where there is no such role.

        `role` names a built-in or a custom one.
        """
        row = await connection.fetchrow(_SQL["fetch_access"], role, name, sorted(groups))
        assert row is not None
        return stored_principal(name, role, groups, None, row, credential=credential)

    async def put_binding(
        self, connection: Connection, draft: BindingDraft, created_by: str
    ) -> RoleBinding:
        """Give a role in a namespace and tell all processes.

        Raises
        ------
        NamespaceNotFoundError
            If there is no such namespace; the transaction is lost then.
        """
        try:
            row = await connection.fetchrow(
                _SQL["put_binding"],
                name_form(draft.namespace),
                draft.subject_kind,
                draft.subject,
                draft.role,
                created_by,
                ACCESS_CHANGES,
                EVERY_CALLER,
            )
        except asyncpg.ForeignKeyViolationError as error:
            raise NamespaceNotFoundError(draft.namespace) from error
        assert row is not None
        return _binding(row)

    async def list_bindings(
        self, connection: Connection, namespace: str | None, after: int, limit: int
    ) -> list[RoleBinding]:
        """Read bindings in the order of their ids, of one namespace or of all."""
        form = None if namespace is None else name_form(namespace)
        rows = await connection.fetch(_SQL["list_bindings"], after, form, limit)
        return [_binding(row) for row in rows]

    async def delete_binding(
        self, connection: Connection, binding_id: int, *, namespace: str | None = None
    ) -> bool:
        """Take a role in a namespace away and tell all processes; False if there is none.

        Parameters
        ----------
        namespace
            Form of the only one that the role may be in; None for any.
        """
        deleted = await connection.fetchval(
            _SQL["delete_binding"], binding_id, ACCESS_CHANGES, EVERY_CALLER, namespace
        )
        return deleted is not None


def stored_principal(
    name: str,
    role: str,
    groups: frozenset[str],
    narrowed_to: frozenset[Scope] | None,
    row: Any,
    *,
    credential: str,
) -> Principal | None:
    """Return the holder of a role; None where the role, a custom one, does not exist.

    Parameters
    ----------
    row
        With `role_scopes`, null for a role that is built in, and `bindings`.
    """
    bindings = frozenset(
        NamespaceBinding(binding["namespace"], NamespaceRole(binding["role"]))
        for binding in row["bindings"] or ()
    )
    in_namespaces = NAMESPACE_WRITING if narrowed_to is None else NAMESPACE_WRITING & narrowed_to
    if role in set(Role):
        held = Role(role)
        scopes = None if narrowed_to is None else narrowed_to & ROLE_SCOPES[held]
        return Principal(name, held, groups, scopes, bindings, credential, in_namespaces)
    if row["role_scopes"] is None:
        return None
    scopes = frozenset(map(Scope, row["role_scopes"]))
    if narrowed_to is not None:
        scopes &= narrowed_to
    return Principal.of_custom_role(
        name,
        scopes,
        groups,
        bindings=bindings,
        credential=credential,
        namespace_scopes=in_namespaces,
    )


def _role(row: Any) -> CustomRole:
    return CustomRole(
        name=row["name"],
        description=row["description"],
        scopes=frozenset(map(Scope, row["scopes"])),
        created_at=row["created_at"],
        created_by=row["created_by"],
        updated_at=row["updated_at"],
    )


def _binding(row: Any) -> RoleBinding:
    return RoleBinding(
        binding_id=row["binding_id"],
        namespace=row["namespace"],
        subject_kind=row["subject_kind"],
        subject=row["subject"],
        role=NamespaceRole(row["role"]),
        created_at=row["created_at"],
        created_by=row["created_by"],
    )
