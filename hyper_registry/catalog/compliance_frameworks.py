"""Frameworks of compliance: what a deployment's entries are assessed by."""

from collections.abc import Collection, Sequence

from hyper_registry.domain.compliance import Framework, FrameworkContent, FrameworkDraft
from hyper_registry.domain.errors.compliance import (
    ControlInUseError,
    FrameworkExistsError,
    FrameworkNotFoundError,
)
from hyper_registry.domain.errors.entry import check_version
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.domain.scope import Scope
from hyper_registry.storage.compliance_store import ComplianceStore
from hyper_registry.storage.database import Connection, Database
from hyper_registry.storage.journal_store import JournalStore


class FrameworkService:
    """Reads of frameworks for all, changes for administrators.

    Frameworks are the deployment's own vocabulary, as categories are: nothing of them is hidden.
    Only administrators change them, as a control that is in use tells how often it is.
    """

    def __init__(self, database: Database, store: ComplianceStore, journal: JournalStore) -> None:
        self._database = database
        self._store = store
        self._journal = journal

    async def list_page(
        self, principal: Principal, *, after: str = "", limit: int = 100
    ) -> list[Framework]:
        """Return frameworks by name, from after one of them on.

        Raises
        ------
        PermissionDeniedError
            If the caller may not read about compliance.
        """
        principal.require(Scope.COMPLIANCE_READ, "list frameworks")
        async with self._database.connection() as connection:
            return await self._store.list_frameworks(connection, after, limit)

    async def get(self, principal: Principal, name: str) -> Framework:
        """Return a framework.

        Raises
        ------
        PermissionDeniedError
            If the caller may not read about compliance.
        FrameworkNotFoundError
            If there is none of this name.
        """
        principal.require(Scope.COMPLIANCE_READ, "read frameworks")
        async with self._database.connection() as connection:
            return await self._fetch(connection, name)

    async def create(
        self, principal: Principal, draft: FrameworkDraft, *, request_id: str | None = None
    ) -> Framework:
        """Add a framework.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        FrameworkExistsError
            If the name is taken.
        """
        _require(principal, "create frameworks")
        async with self._database.transaction() as connection:
            if not await self._store.insert_framework(
                connection, draft.name, draft, principal.name
            ):
                raise FrameworkExistsError(draft.name)
            await self._record(connection, principal, "framework.create", draft.name, request_id)
            return await self._fetch(connection, draft.name)

    async def replace(
        self,
        principal: Principal,
        name: str,
        content: FrameworkContent,
        *,
        expected_versions: Collection[int] | None = None,
        request_id: str | None = None,
    ) -> Framework:
        """Replace a framework; its controls are known by their codes, and keep their assessments.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        FrameworkNotFoundError
            If there is none of this name.
        VersionConflictError
            If it is at none of the `expected_versions`.
        ControlInUseError
            If a control is left out by which entries are assessed.
        """
        _require(principal, "change frameworks")
        async with self._database.transaction() as connection:
            await self._hold(connection, name, expected_versions)
            await self._check_unused(
                connection, name, [control.code for control in content.controls]
            )
            await self._store.update_framework(connection, name, content, principal.name)
            await self._record(connection, principal, "framework.update", name, request_id)
            return await self._fetch(connection, name)

    async def delete(
        self,
        principal: Principal,
        name: str,
        *,
        expected_versions: Collection[int] | None = None,
        request_id: str | None = None,
    ) -> None:
        """Delete a framework by which nothing is assessed.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        FrameworkNotFoundError
            If there is none of this name.
        VersionConflictError
            If it is at none of the `expected_versions`.
        ControlInUseError
            If entries are assessed by one of its controls.
        """
        _require(principal, "delete frameworks")
        async with self._database.transaction() as connection:
            await self._hold(connection, name, expected_versions)
            await self._check_unused(connection, name, [])
            await self._store.delete_framework(connection, name)
            await self._record(connection, principal, "framework.delete", name, request_id)

    async def _hold(
        self, connection: Connection, name: str, expected: Collection[int] | None
    ) -> None:
        version = await self._store.lock_framework(connection, name)
        if version is None:
            raise FrameworkNotFoundError(name)
        check_version(name, expected, version)

    async def _check_unused(self, connection: Connection, name: str, kept: Sequence[str]) -> None:
        found = await self._store.find_assessed_control(connection, name, kept)
        if found is not None:
            raise ControlInUseError(name, *found)

    async def _fetch(self, connection: Connection, name: str) -> Framework:
        found = await self._store.fetch_framework(connection, name)
        if found is None:
            raise FrameworkNotFoundError(name)
        return found

    async def _record(
        self,
        connection: Connection,
        principal: Principal,
        action: str,
        name: str,
        request_id: str | None,
    ) -> None:
        await self._journal.append_audit(
            connection, actor=principal.name, action=action, target=name, request_id=request_id
        )


def _require(principal: Principal, action: str) -> None:
    principal.require(Role.ADMIN, action)
    principal.require(Scope.COMPLIANCE_MANAGE, action)
