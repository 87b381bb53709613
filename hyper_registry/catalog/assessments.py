"""Assessments: what is known of an entry by the controls of a framework."""

import asyncio
import logging
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import NoReturn

from hyper_registry.catalog.entries import EntryService
from hyper_registry.domain.compliance import (
    Assessment,
    AssessmentDraft,
    AssessmentHistory,
    EntryCompliance,
    summed_up,
)
from hyper_registry.domain.entry import ComplianceStatus, Entry
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.errors.compliance import (
    AssessmentNotFoundError,
    ControlNotFoundError,
    FrameworkNotFoundError,
)
from hyper_registry.domain.errors.entry import EntryNotFoundError, check_version
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.domain.scope import Scope
from hyper_registry.storage.compliance_store import (
    ComplianceStore,
    HeldAssessment,
    HeldControl,
    assessment_of,
)
from hyper_registry.storage.database import Connection, Database
from hyper_registry.storage.journal_store import JournalStore

_logger = logging.getLogger(__name__)

_CLOCK = Principal("registry", Role.ADMIN)
_SETTLED_TOGETHER = 100


def utc_now() -> datetime:
    """Return the time by the clock of this process."""
    return datetime.now(UTC)


class AssessmentService:
    """Assessments on behalf of a principal, who sees those of the entries that it sees.

    Each write is one transaction: the assessment, its version and change row, which triggers add,
    the status of its entry, and the audit rows.

    Parameters
    ----------
    clock
        Decides at each read which evidence has expired.
    """

    def __init__(
        self,
        database: Database,
        entries: EntryService,
        store: ComplianceStore,
        journal: JournalStore,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._entries = entries
        self._store = store
        self._journal = journal
        self._clock = clock

    async def of_entry(self, principal: Principal, entry_id: str) -> EntryCompliance:
        """Tell where an entry stands at this moment.

        Raises
        ------
        PermissionDeniedError
            If the caller may not read about compliance.
        EntryNotFoundError
            If there is none that the caller may see.
        """
        principal.require(Scope.COMPLIANCE_READ, "read assessments")
        async with self._database.reading(principal.grants) as connection:
            found = await self._store.list_of_entry(
                connection, entry_id, principal.grants, self._clock()
            )
        if found is None:
            raise EntryNotFoundError(entry_id)
        declared, assessments = found
        made = [item.effective_status for item in assessments if item.version]
        return EntryCompliance(
            entry_id=entry_id,
            compliance_status=summed_up(made) or declared,
            assessed=bool(made),
            assessments=assessments,
        )

    async def get(
        self, principal: Principal, entry_id: str, framework: str, control: str
    ) -> Assessment:
        """Read the assessment of an entry by one control.

        Raises
        ------
        PermissionDeniedError, EntryNotFoundError
            As `of_entry`.
        AssessmentNotFoundError
            If the entry is not assessed by such a control.
        """
        stand = await self.of_entry(principal, entry_id)
        for item in stand.assessments:
            if (item.framework, item.control) == (framework, control) and item.version:
                return item
        raise AssessmentNotFoundError(entry_id, framework, control)

    async def history(
        self, principal: Principal, entry_id: str, framework: str, control: str
    ) -> AssessmentHistory:
        """Read all versions of an assessment, newest first, also of one that was deleted.

        Raises
        ------
        PermissionDeniedError, EntryNotFoundError, AssessmentNotFoundError
            As `get`.
        """
        stand = await self.of_entry(principal, entry_id)
        async with self._database.reading(principal.grants) as connection:
            versions = await self._store.list_versions(
                connection, entry_id, principal.grants, framework, control
            )
        if not versions:
            raise AssessmentNotFoundError(stand.entry_id, framework, control)
        return AssessmentHistory(items=versions)

    async def put(
        self,
        principal: Principal,
        entry_id: str,
        framework: str,
        control: str,
        draft: AssessmentDraft,
        *,
        expected_versions: Collection[int] | None = None,
        request_id: str | None = None,
    ) -> Assessment:
        """Assess an entry by a control; equal content changes nothing.

        Parameters
        ----------
        expected_versions
            0 stands for an assessment that does not exist.

        Raises
        ------
        PermissionDeniedError
            If the caller may not assess.
        EntryNotFoundError
            If there is none that the caller may see.
        FrameworkNotFoundError, ControlNotFoundError
            If there is no such control.
        InvalidFieldError
            If the control does not apply to the entry's category.
        VersionConflictError
            If the assessment is at none of the `expected_versions`.
        """
        self._require_assessor(principal, "assess entries")
        if draft.assessor is None:
            draft = draft.model_copy(update={"assessor": principal.name})
        async with self._database.transaction() as connection:
            entry = await self._entries.hold(connection, principal, entry_id)
            held = await self._hold_control(connection, framework, control)
            if not held.draft.applies_to(entry.category):
                raise InvalidFieldError(
                    "control",
                    f"{control!r} does not apply to entries of {entry.category!r}",
                    "Choose another control, or change its categories.",
                )
            before = await self._store.fetch_assessment(connection, entry_id, held)
            name = f"{entry_id}/{framework}/{control}"
            check_version(name, expected_versions, 0 if before is None else before.version)
            written = before
            if written is None or written.draft != draft:
                written = await self._store.put_assessment(
                    connection, entry_id, held, draft, principal.name
                )
                await self._record(
                    connection, principal, "assessment.put", name, written, request_id
                )
            await self._settle(connection, principal, entry, request_id)
        return assessment_of(framework, held.draft, written, self._clock())

    async def delete(
        self,
        principal: Principal,
        entry_id: str,
        framework: str,
        control: str,
        *,
        expected_versions: Collection[int] | None = None,
        request_id: str | None = None,
    ) -> None:
        """Delete an assessment; its history stays. An entry without any is of unknown status.

        Raises
        ------
        PermissionDeniedError, EntryNotFoundError, FrameworkNotFoundError, ControlNotFoundError
            As `put`.
        AssessmentNotFoundError
            If the entry is not assessed by the control.
        VersionConflictError
            If the assessment is at none of the `expected_versions`.
        """
        self._require_assessor(principal, "delete assessments")
        async with self._database.transaction() as connection:
            entry = await self._entries.hold(connection, principal, entry_id)
            held = await self._hold_control(connection, framework, control)
            before = await self._store.fetch_assessment(connection, entry_id, held)
            if before is None:
                raise AssessmentNotFoundError(entry_id, framework, control)
            name = f"{entry_id}/{framework}/{control}"
            check_version(name, expected_versions, before.version)
            await self._store.delete_assessment(connection, entry_id, held, principal.name)
            await self._record(connection, principal, "assessment.delete", name, before, request_id)
            await self._settle(connection, principal, entry, request_id)

    async def settle_outdated(self) -> int:
        """Correct the status of entries whose evidence has expired meanwhile; return how many.

        What reads here and reports tell never waits for this: it is for search, filters and
        exports, which read the entry's own status.
        """
        settled = 0
        async with self._database.connection() as connection:
            outdated = await self._store.list_outdated(connection, self._clock(), _SETTLED_TOGETHER)
        for entry_id in outdated:
            try:
                async with self._database.transaction() as connection:
                    entry = await self._entries.hold(connection, _CLOCK, entry_id)
                    settled += await self._settle(connection, _CLOCK, entry, None)
            except EntryNotFoundError:
                continue  # deleted in this moment
            except RegistryError:
                _logger.exception("The status of the entry %s could not be settled", entry_id)
        return settled

    async def keep_settled(self, *, interval_s: float = 60.0) -> NoReturn:
        """Correct statuses again and again, until cancelled."""
        while True:
            while await self.settle_outdated() == _SETTLED_TOGETHER:
                pass
            await asyncio.sleep(interval_s)

    def _require_assessor(self, principal: Principal, action: str) -> None:
        principal.require(Role.EDITOR, action)
        principal.require(Scope.COMPLIANCE_ASSESS, action)

    async def _hold_control(
        self, connection: Connection, framework: str, control: str
    ) -> HeldControl:
        held = await self._store.lock_control(connection, framework, control)
        if held is not None:
            return held
        if await self._store.fetch_framework(connection, framework) is None:
            raise FrameworkNotFoundError(framework)
        raise ControlNotFoundError(framework, control)

    async def _settle(
        self, connection: Connection, principal: Principal, entry: Entry, request_id: str | None
    ) -> bool:
        """Let a held entry's status follow from its assessments; tell whether it changed."""
        statuses = await self._store.list_statuses(connection, entry.entry_id, self._clock())
        status = summed_up(statuses)
        if status is None:
            status = ComplianceStatus.UNKNOWN
        if status is entry.compliance_status:
            return False
        await self._entries.settle_compliance(
            connection, principal, entry.entry_id, status, request_id=request_id
        )
        return True

    async def _record(
        self,
        connection: Connection,
        principal: Principal,
        action: str,
        name: str,
        held: HeldAssessment,
        request_id: str | None,
    ) -> None:
        await self._journal.append_audit(
            connection,
            actor=principal.name,
            action=action,
            target=name,
            request_id=request_id,
            detail={"version": held.version, "status": held.draft.status.value},
        )
