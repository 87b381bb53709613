"""Compliance and erasures inside this process."""

from abc import ABC, abstractmethod

from typing_extensions import override

from hyper_registry.client.compliance_backend import ComplianceBackend
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
from hyper_registry.domain.principal import LOCAL_ADMIN
from hyper_registry.registry import Registry


class EmbeddedCompliance(ComplianceBackend, ABC):
    """Mixin of the embedded backend: calls the services as the operator of its own files."""

    @property
    @abstractmethod
    def _registry(self) -> Registry:
        """The opened services."""

    @override
    async def create_framework(self, draft: FrameworkDraft) -> Framework:
        return await self._registry.frameworks.create(LOCAL_ADMIN, draft)

    @override
    async def get_framework(self, name: str) -> Framework:
        return await self._registry.frameworks.get(LOCAL_ADMIN, name)

    @override
    async def frameworks_page(self, after: str, limit: int) -> list[Framework]:
        return await self._registry.frameworks.list_page(LOCAL_ADMIN, after=after, limit=limit)

    @override
    async def replace_framework(
        self, name: str, content: FrameworkContent, *, expected_version: int | None
    ) -> Framework:
        return await self._registry.frameworks.replace(
            LOCAL_ADMIN, name, content, expected_versions=_only(expected_version)
        )

    @override
    async def delete_framework(self, name: str, *, expected_version: int | None) -> None:
        await self._registry.frameworks.delete(
            LOCAL_ADMIN, name, expected_versions=_only(expected_version)
        )

    @override
    async def entry_compliance(self, entry_id: str) -> EntryCompliance:
        return await self._registry.assessments.of_entry(LOCAL_ADMIN, entry_id)

    @override
    async def put_assessment(
        self,
        entry_id: str,
        framework: str,
        control: str,
        draft: AssessmentDraft,
        *,
        expected_version: int | None,
    ) -> Assessment:
        return await self._registry.assessments.put(
            LOCAL_ADMIN,
            entry_id,
            framework,
            control,
            draft,
            expected_versions=_only(expected_version),
        )

    @override
    async def delete_assessment(
        self, entry_id: str, framework: str, control: str, *, expected_version: int | None
    ) -> None:
        await self._registry.assessments.delete(
            LOCAL_ADMIN, entry_id, framework, control, expected_versions=_only(expected_version)
        )

    @override
    async def assessment_history(
        self, entry_id: str, framework: str, control: str
    ) -> AssessmentHistory:
        return await self._registry.assessments.history(LOCAL_ADMIN, entry_id, framework, control)

    @override
    async def compliance_report(self, framework: str, within_days: int) -> ComplianceReport:
        return await self._registry.compliance.report(
            LOCAL_ADMIN, framework, within_days=within_days
        )

    @override
    async def expiring_page(
        self, within_days: int, framework: str | None, after: str | None, limit: int
    ) -> ExpiringPage:
        return await self._registry.compliance.expiring(
            LOCAL_ADMIN, within_days=within_days, framework=framework, after=after, limit=limit
        )

    @override
    async def overdue_page(
        self, framework: str | None, after: str | None, limit: int
    ) -> OverduePage:
        return await self._registry.compliance.overdue(
            LOCAL_ADMIN, framework=framework, after=after, limit=limit
        )

    @override
    async def erase(self, request: ErasureRequest) -> Erasure:
        return await self._registry.erasures.erase(LOCAL_ADMIN, request)

    @override
    async def erasures_page(self, before: str | None, limit: int) -> ErasurePage:
        return await self._registry.erasures.page(LOCAL_ADMIN, before, limit)


def _only(expected_version: int | None) -> frozenset[int] | None:
    return None if expected_version is None else frozenset({expected_version})
