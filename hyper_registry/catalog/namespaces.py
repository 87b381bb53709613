"""Namespaces: places for handles, each with people who have roles in it."""

from collections.abc import Callable, Mapping

from hyper_registry.catalog.definitions import HeldDefinitions
from hyper_registry.domain.errors.access import BindingNotFoundError, PermissionDeniedError
from hyper_registry.domain.errors.identity import NamespaceExistsError, NamespaceNotFoundError
from hyper_registry.domain.handle import name_form, namespace_name
from hyper_registry.domain.namespace import Namespace, NamespaceContent, NamespaceDraft
from hyper_registry.domain.principal import NamespaceRole, Principal, Role
from hyper_registry.domain.role import BindingDraft, RoleBinding, SubjectKind
from hyper_registry.storage.database import Connection, Database
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.namespace_store import NamespaceStore
from hyper_registry.storage.role_store import RoleStore


class NamespaceService:
    """Keeps namespaces and the roles in them on behalf of a principal.

    That a namespace exists is no secret; what is in it is seen by whom its entries admit. A name
    means the namespace in whichever way it is written.

    Parameters
    ----------
    on_change
        Called once roles changed, for this process not to wait for the notification.
    """

    def __init__(
        self,
        database: Database,
        namespaces: NamespaceStore,
        roles: RoleStore,
        journal: JournalStore,
        definitions: HeldDefinitions,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._namespaces = namespaces
        self._roles = roles
        self._journal = journal
        self._definitions = definitions
        self._on_change = on_change

    async def create(
        self, principal: Principal, draft: NamespaceDraft, *, request_id: str | None = None
    ) -> Namespace:
        """Create a namespace, whose owner is the caller.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor.
        NamespaceExistsError
            If there is one of this name, or of another way to write it.
        """
        principal.require(Role.EDITOR, "create namespaces")
        revision = 0
        async with self._database.transaction() as connection:
            created = await self._namespaces.insert(connection, draft, principal.name)
            if created is None:
                raise NamespaceExistsError(draft.name)
            if draft.approval is not None:
                revision = await self._definitions.advance(connection)
            if principal.role is not Role.ADMIN:
                await self._roles.put_binding(
                    connection,
                    BindingDraft(
                        namespace=draft.name,
                        subject_kind=SubjectKind.PRINCIPAL,
                        subject=principal.name,
                        role=NamespaceRole.OWNER,
                    ),
                    principal.name,
                )
            detail = _policy(draft)
            await self._record(connection, principal, "create", created.form, request_id, detail)
        self._definitions.supersede(revision)
        self._on_change()
        return created

    async def list_page(self, *, after: str = "", limit: int = 100) -> list[Namespace]:
        """Return namespaces by form, from after one of them on."""
        async with self._database.connection() as connection:
            return await self._namespaces.list_page(connection, after, limit)

    async def get(self, name: str) -> Namespace:
        """Return a namespace.

        Raises
        ------
        NamespaceNotFoundError
            If there is none of the name.
        """
        async with self._database.connection() as connection:
            found = await self._namespaces.fetch(connection, _form(name))
        if found is None:
            raise NamespaceNotFoundError(name)
        return found

    async def update(
        self,
        principal: Principal,
        name: str,
        content: NamespaceContent,
        *,
        request_id: str | None = None,
    ) -> Namespace:
        """Change what is given of a namespace.

        A policy of approval holds at once in this process, and in others as soon as they hear of
        it. What is in a status that it governs stays.

        Raises
        ------
        PermissionDeniedError
            If the caller does not own it.
        NamespaceNotFoundError
            If there is none of the name.
        """
        form = _owned(principal, name)
        revision = 0
        async with self._database.transaction() as connection:
            updated = await self._namespaces.update(connection, form, content)
            if updated is None:
                raise NamespaceNotFoundError(name)
            if "approval" in content.model_fields_set:
                revision = await self._definitions.advance(connection)
            detail = _policy(content)
            await self._record(connection, principal, "update", form, request_id, detail)
        self._definitions.supersede(revision)
        return updated

    async def delete(
        self, principal: Principal, name: str, *, request_id: str | None = None
    ) -> None:
        """Delete a namespace in which no entry has or had a name, with the roles in it.

        Raises
        ------
        PermissionDeniedError
            If the caller does not own it.
        NamespaceNotFoundError
            If there is none of the name.
        NamespaceInUseError
            If entries have or had names in it, those included that the caller may not see.
        """
        form = _owned(principal, name)
        async with self._database.transaction() as connection:
            if not await self._namespaces.delete(connection, form):
                raise NamespaceNotFoundError(name)
            await self._record(connection, principal, "delete", form, request_id)
        self._on_change()

    async def bind(
        self,
        principal: Principal,
        draft: BindingDraft,
        *,
        request_id: str | None = None,
    ) -> RoleBinding:
        """Give a principal or a group its role in a namespace, in place of the one it had.

        It takes effect at once on all processes.

        Raises
        ------
        PermissionDeniedError
            If the caller does not own the namespace.
        NamespaceNotFoundError
            If there is none of the name.
        """
        form = _owned(principal, draft.namespace)
        async with self._database.transaction() as connection:
            binding = await self._roles.put_binding(connection, draft, principal.name)
            detail = {"subject": f"{draft.subject_kind}:{draft.subject}", "role": draft.role.value}
            await self._record(connection, principal, "bind", form, request_id, detail)
        self._on_change()
        return binding

    async def list_bindings(
        self, principal: Principal, name: str, *, after: int = 0, limit: int = 100
    ) -> list[RoleBinding]:
        """Return the roles in a namespace in the order of their ids.

        Raises
        ------
        PermissionDeniedError
            If the caller does not own the namespace.
        NamespaceNotFoundError
            If there is none of the name.
        """
        form = _owned(principal, name)
        async with self._database.connection() as connection:
            if await self._namespaces.fetch(connection, form) is None:
                raise NamespaceNotFoundError(name)
            return await self._roles.list_bindings(connection, form, after, limit)

    async def unbind(
        self,
        principal: Principal,
        name: str,
        binding_id: int,
        *,
        request_id: str | None = None,
    ) -> None:
        """Take a role in a namespace away; it ends at once on all processes.

        Raises
        ------
        PermissionDeniedError
            If the caller does not own the namespace.
        BindingNotFoundError
            If the namespace has no such binding.
        """
        form = _owned(principal, name)
        async with self._database.transaction() as connection:
            if not await self._roles.delete_binding(connection, binding_id, namespace=form):
                raise BindingNotFoundError(binding_id)
            await self._record(
                connection, principal, "unbind", form, request_id, {"binding_id": binding_id}
            )
        self._on_change()

    async def _record(
        self,
        connection: Connection,
        principal: Principal,
        operation: str,
        form: str,
        request_id: str | None,
        detail: Mapping[str, object] | None = None,
    ) -> None:
        await self._journal.append_audit(
            connection,
            actor=principal.name,
            action=f"namespace.{operation}",
            target=form,
            request_id=request_id,
            detail=detail,
        )


def _policy(content: NamespaceContent) -> dict[str, object]:
    """Return what a write says about approval, for the audit log."""
    return content.model_dump(mode="json", include={"approval"}, exclude_unset=True)


def _form(name: str) -> str:
    try:
        return name_form(namespace_name(name))
    except ValueError as error:
        raise NamespaceNotFoundError(name) from error


def _owned(principal: Principal, name: str) -> str:
    """Return the form of a namespace that the caller owns, whether it exists or not."""
    form = _form(name)
    if principal.role_in(form) is not NamespaceRole.OWNER:
        raise PermissionDeniedError(principal.name, principal.role.value, f"manage {name!r}")
    return form
