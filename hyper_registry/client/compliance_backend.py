"""What the public face asks of a registry about compliance, wherever that runs."""

from typing import Protocol

from hyper_registry.domain.compliance import (
    Assessment,
    AssessmentDraft,
    AssessmentHistory,
    EntryCompliance,
    Framework,
    FrameworkContent,
    FrameworkDraft,
)
from hyper_registry.domain.compliance_report import ComplianceReport, ExpiringPage, OverduePage
from hyper_registry.domain.erasure import Erasure, ErasurePage, ErasureRequest


class ComplianceBackend(Protocol):
    """Compliance and erasures in this process or behind HTTP; both raise the same errors."""

    async def create_framework(self, draft: FrameworkDraft) -> Framework:
        """Add a framework, see `FrameworkService.create`."""
        ...

    async def get_framework(self, name: str) -> Framework:
        """Read a framework, see `FrameworkService.get`."""
        ...

    async def frameworks_page(self, after: str, limit: int) -> list[Framework]:
        """Read frameworks, see `FrameworkService.list_page`."""
        ...

    async def replace_framework(
        self, name: str, content: FrameworkContent, *, expected_version: int | None
    ) -> Framework:
        """Replace a framework, see `FrameworkService.replace`."""
        ...

    async def delete_framework(self, name: str, *, expected_version: int | None) -> None:
        """Delete a framework, see `FrameworkService.delete`."""
        ...

    async def entry_compliance(self, entry_id: str) -> EntryCompliance:
        """Tell where an entry stands, see `AssessmentService.of_entry`."""
        ...

    async def put_assessment(
        self,
        entry_id: str,
        framework: str,
        control: str,
        draft: AssessmentDraft,
        *,
        expected_version: int | None,
    ) -> Assessment:
        """Assess an entry, see `AssessmentService.put`."""
        ...

    async def delete_assessment(
        self, entry_id: str, framework: str, control: str, *, expected_version: int | None
    ) -> None:
        """Delete an assessment, see `AssessmentService.delete`."""
        ...

    async def assessment_history(
        self, entry_id: str, framework: str, control: str
    ) -> AssessmentHistory:
        """Read the versions of an assessment, see `AssessmentService.history`."""
        ...

    async def compliance_report(self, framework: str, within_days: int) -> ComplianceReport:
        """Report on a framework, see `ComplianceReports.report`."""
        ...

    async def expiring_page(
        self, within_days: int, framework: str | None, after: str | None, limit: int
    ) -> ExpiringPage:
        """Read expiring evidence, see `ComplianceReports.expiring`."""
        ...

    async def overdue_page(
        self, framework: str | None, after: str | None, limit: int
    ) -> OverduePage:
        """Read overdue assessments, see `ComplianceReports.overdue`."""
        ...

    async def erase(self, request: ErasureRequest) -> Erasure:
        """Erase a person, see `ErasureService.erase`."""
        ...

    async def erasures_page(self, before: str | None, limit: int) -> ErasurePage:
        """Read erasures, see `ErasureService.page`."""
        ...
