"""Custom roles, and the roles that principals and groups hold in namespaces."""

from collections.abc import Callable

from hyper_registry.domain.errors.access import (
    BindingNotFoundError,
    RoleExistsError,
    RoleInUseError,
    RoleNotFoundError,
)
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.domain.role import (
    BindingDraft,
    CustomRole,
    RoleBinding,
    RoleContent,
    RoleDraft,
)
from hyper_registry.domain.scope import Scope
from hyper_registry.storage.database import Database
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.role_store import RoleStore


class RoleService:
    """Keeps custom roles and bindings; each change takes effect at once on all processes.

    Only administrators change them, whatever scopes another caller has: who could widen a role
    could widen its own.

    Parameters
    ----------
    on_change
        Called once a change is committed, for this process not to wait for its notification.
    """

    def __init__(
        self,
        database: Database,
        roles: RoleStore,
        journal: JournalStore,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._on_change = on_change
        self._roles = roles
        self._journal = journal

    async def create(
        self, principal: Principal, draft: RoleDraft, *, request_id: str | None = None
    ) -> CustomRole:
        """Create a custom role.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        RoleExistsError
            If the name is taken.
        """
        _require(principal, "create roles")
        async with self._database.transaction() as connection:
            created = await self._roles.insert(connection, draft, principal.name)
            if created is None:
                raise RoleExistsError(draft.name)
            await self._journal.append_audit(
                connection,
                actor=principal.name,
                action="role.create",
                target=draft.name,
                request_id=request_id,
                detail={"scopes": sorted(draft.scopes)},
            )
        return created

    async def list_page(
        self, principal: Principal, *, after: str = "", limit: int = 100
    ) -> list[CustomRole]:
        """Return custom roles by name, from after one of them on.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        """
        _require(principal, "list roles")
        async with self._database.connection() as connection:
            return await self._roles.list_page(connection, after, limit)

    async def get(self, principal: Principal, name: str) -> CustomRole:
        """Return a custom role.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        RoleNotFoundError
            If there is none of the name.
        """
        _require(principal, "read roles")
        async with self._database.connection() as connection:
            found = await self._roles.fetch(connection, name)
        if found is None:
            raise RoleNotFoundError(name)
        return found

    async def replace(
        self,
        principal: Principal,
        name: str,
        content: RoleContent,
        *,
        request_id: str | None = None,
    ) -> CustomRole:
        """Replace what a custom role allows, for all who have it.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        RoleNotFoundError
            If there is none of the name.
        """
        _require(principal, "change roles")
        async with self._database.transaction() as connection:
            changed = await self._roles.update(connection, name, content)
            if changed is None:
                raise RoleNotFoundError(name)
            await self._journal.append_audit(
                connection,
                actor=principal.name,
                action="role.update",
                target=name,
                request_id=request_id,
                detail={"scopes": sorted(content.scopes)},
            )
        self._on_change()
        return changed

    async def delete(
        self, principal: Principal, name: str, *, request_id: str | None = None
    ) -> None:
        """Delete a custom role that no living key has.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        RoleNotFoundError
            If there is none of the name.
        RoleInUseError
            If keys that were not revoked have it.
        """
        _require(principal, "delete roles")
        async with self._database.transaction() as connection:
            # Deleted first: who creates a key of the role meanwhile waits, and then finds none.
            if not await self._roles.delete(connection, name):
                raise RoleNotFoundError(name)
            holders = await self._roles.count_holders(connection, name)
            if holders:
                raise RoleInUseError(name, holders)
            await self._journal.append_audit(
                connection,
                actor=principal.name,
                action="role.delete",
                target=name,
                request_id=request_id,
            )

    async def bind(
        self, principal: Principal, draft: BindingDraft, *, request_id: str | None = None
    ) -> RoleBinding:
        """Give a principal or a group its role in a namespace, in place of the one it had.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        NamespaceNotFoundError
            If there is no such namespace.
        """
        _require(principal, "bind roles")
        async with self._database.transaction() as connection:
            binding = await self._roles.put_binding(connection, draft, principal.name)
            await self._journal.append_audit(
                connection,
                actor=principal.name,
                action="role.bind",
                target=f"{draft.subject_kind}:{draft.subject}",
                request_id=request_id,
                detail={"namespace": draft.namespace, "role": draft.role},
            )
        self._on_change()
        return binding

    async def list_bindings(
        self,
        principal: Principal,
        *,
        namespace: str | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> list[RoleBinding]:
        """Return bindings in the order of their ids, of one namespace or of all.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        """
        _require(principal, "list role bindings")
        async with self._database.connection() as connection:
            return await self._roles.list_bindings(connection, namespace, after, limit)

    async def unbind(
        self, principal: Principal, binding_id: int, *, request_id: str | None = None
    ) -> None:
        """Take a role in a namespace away.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        BindingNotFoundError
            If there is no such binding.
        """
        _require(principal, "unbind roles")
        async with self._database.transaction() as connection:
            if not await self._roles.delete_binding(connection, binding_id):
                raise BindingNotFoundError(binding_id)
            await self._journal.append_audit(
                connection,
                actor=principal.name,
                action="role.unbind",
                target=str(binding_id),
                request_id=request_id,
            )
        self._on_change()


def _require(principal: Principal, action: str) -> None:
    principal.require(Role.ADMIN, action)
    principal.require(Scope.ROLES_MANAGE, action)
