"""The part of the public face about compliance, and about the erasure of persons."""

from collections.abc import Mapping, Sequence
from typing import Any

from hyper_registry.client.backend import Backend
from hyper_registry.client.checking import checked
from hyper_registry.domain.compliance import (
    Assessment,
    AssessmentDraft,
    AssessmentVersion,
    EntryCompliance,
    Framework,
    FrameworkContent,
    FrameworkDraft,
)
from hyper_registry.domain.compliance_report import (
    ComplianceReport,
    ExpiringEvidence,
    OverdueAssessment,
)
from hyper_registry.domain.erasure import Erasure, ErasureRequest

_PAGE = 1_000


class ComplianceMethods:
    """Mixin of the public face; the docs are in ``docs/compliance.md``.

    A call that takes `expected_version` raises `VersionConflictError` where the framework or
    assessment is at another. Frameworks and erasures are changed by administrators alone, others
    are told `PermissionDeniedError`.
    """

    _backend: Backend

    async def create_framework(self, framework: Mapping[str, Any] | FrameworkDraft) -> Framework:
        """Add a framework.

        Parameters
        ----------
        framework
            Fields of a `FrameworkDraft`, with its controls.

        Raises
        ------
        InvalidFieldError
            If a field is missing, unknown or wrong.
        FrameworkExistsError
            If the name is taken.
        """
        draft = (
            framework
            if isinstance(framework, FrameworkDraft)
            else checked(FrameworkDraft, framework)
        )
        return await self._backend.create_framework(draft)

    async def get_framework(self, name: str) -> Framework:
        """Read a framework.

        Raises
        ------
        FrameworkNotFoundError
            If there is none of this name.
        """
        return await self._backend.get_framework(name)

    async def list_frameworks(self) -> list[Framework]:
        """Read all frameworks, by name."""
        found: list[Framework] = []
        while True:
            page = await self._backend.frameworks_page(found[-1].name if found else "", _PAGE)
            found += page
            if len(page) < _PAGE:
                return found

    async def replace_framework(
        self,
        name: str,
        content: Mapping[str, Any] | FrameworkContent,
        *,
        expected_version: int | None = None,
    ) -> Framework:
        """Replace a framework; its controls are known by their codes.

        Raises
        ------
        InvalidFieldError, FrameworkNotFoundError, VersionConflictError
            See the class and `create_framework`.
        ControlInUseError
            If a control is left out by which entries are assessed.
        """
        wanted = (
            content if isinstance(content, FrameworkContent) else checked(FrameworkContent, content)
        )
        return await self._backend.replace_framework(
            name, wanted, expected_version=expected_version
        )

    async def delete_framework(self, name: str, *, expected_version: int | None = None) -> None:
        """Delete a framework by which nothing is assessed.

        Raises
        ------
        FrameworkNotFoundError, ControlInUseError, VersionConflictError
            As `replace_framework`.
        """
        await self._backend.delete_framework(name, expected_version=expected_version)

    async def get_compliance(self, entry_id: str) -> EntryCompliance:
        """Tell where an entry stands by every control that applies to it.

        Raises
        ------
        EntryNotFoundError
            If there is none that the caller may see.
        """
        return await self._backend.entry_compliance(entry_id)

    async def assess_entry(
        self,
        entry_id: str,
        framework: str,
        control: str,
        assessment: Mapping[str, Any] | AssessmentDraft,
        *,
        expected_version: int | None = None,
    ) -> Assessment:
        """Assess an entry by a control.

        Parameters
        ----------
        assessment
            Fields of an `AssessmentDraft`; `status` must be there.
        expected_version
            0 where there must be no assessment yet.

        Raises
        ------
        InvalidFieldError
            If a field is wrong, or the control does not apply to the entry.
        EntryNotFoundError, FrameworkNotFoundError, ControlNotFoundError, VersionConflictError
            If there is no such entry or control; see the class.
        """
        draft = (
            assessment
            if isinstance(assessment, AssessmentDraft)
            else checked(AssessmentDraft, assessment)
        )
        return await self._backend.put_assessment(
            entry_id, framework, control, draft, expected_version=expected_version
        )

    async def delete_assessment(
        self, entry_id: str, framework: str, control: str, *, expected_version: int | None = None
    ) -> None:
        """Delete an assessment; its history stays.

        Raises
        ------
        EntryNotFoundError, FrameworkNotFoundError, ControlNotFoundError, AssessmentNotFoundError
        VersionConflictError
            As `assess_entry`.
        """
        await self._backend.delete_assessment(
            entry_id, framework, control, expected_version=expected_version
        )

    async def list_assessment_versions(
        self, entry_id: str, framework: str, control: str
    ) -> list[AssessmentVersion]:
        """Read all versions of an assessment, newest first, also of a deleted one.

        Raises
        ------
        EntryNotFoundError, AssessmentNotFoundError
            If the entry was never assessed so.
        """
        return (await self._backend.assessment_history(entry_id, framework, control)).items

    async def report_compliance(self, framework: str, *, within_days: int = 30) -> ComplianceReport:
        """Count how a framework stands over the entries that the caller may see.

        Parameters
        ----------
        within_days
            Evidence that expires within them counts as expiring.

        Raises
        ------
        FrameworkNotFoundError
            If there is none of this name.
        """
        return await self._backend.compliance_report(framework, within_days)

    async def list_expiring_evidence(
        self, *, within_days: int = 30, framework: str | None = None
    ) -> list[ExpiringEvidence]:
        """Read what is compliant until its evidence expires, or has expired, earliest first."""
        found: list[ExpiringEvidence] = []
        after: str | None = None
        while True:
            page = await self._backend.expiring_page(within_days, framework, after, _PAGE)
            found += page.items
            after = page.next_after
            if after is None:
                return found

    async def list_overdue_assessments(
        self, *, framework: str | None = None
    ) -> list[OverdueAssessment]:
        """Read what should be settled by now and is not, the earliest due date first."""
        found: list[OverdueAssessment] = []
        after: str | None = None
        while True:
            page = await self._backend.overdue_page(framework, after, _PAGE)
            found += page.items
            after = page.next_after
            if after is None:
                return found

    async def erase_person(
        self,
        names: Sequence[str],
        reason: str,
        *,
        dry_run: bool = False,
        redact_text: bool = False,
        pseudonym: str | None = None,
    ) -> Erasure:
        """Erase a person from all tables, history and the audit log; see `ErasureRequest`.

        Raises
        ------
        InvalidFieldError
            If a name cannot be one, or is the caller's own.
        AuditTamperedError
            If the audit log is not as it was sealed: an erasure would cover it up.
        """
        asked = {
            "names": list(names),
            "reason": reason,
            "dry_run": dry_run,
            "redact_text": redact_text,
            "pseudonym": pseudonym,
        }
        return await self._backend.erase(checked(ErasureRequest, asked))

    async def list_erasures(self) -> list[Erasure]:
        """Read all erasures, newest first; they do not tell who was erased."""
        found: list[Erasure] = []
        before: str | None = None
        while True:
            page = await self._backend.erasures_page(before, _PAGE)
            found += page.items
            before = page.next_before
            if before is None:
                return found
