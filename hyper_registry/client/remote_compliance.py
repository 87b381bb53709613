"""Compliance and erasures behind the HTTP API."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel
from typing_extensions import override

from hyper_registry.client.compliance_backend import ComplianceBackend
from hyper_registry.client.remote_parts import if_match, segment, written
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

M = TypeVar("M", bound=BaseModel)

_FRAMEWORKS = "/compliance/frameworks"


class RemoteCompliance(ComplianceBackend, ABC):
    """Mixin of the remote backend, which sends the requests and reads the answers."""

    @abstractmethod
    async def _ask(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """Send a request and return the answer's body."""

    @abstractmethod
    def _read(self, model: type[M], answer: bytes) -> M:
        """Return what an answer says."""

    @override
    async def create_framework(self, draft: FrameworkDraft) -> Framework:
        return self._read(Framework, await self._ask("POST", _FRAMEWORKS, body=written(draft)))

    @override
    async def get_framework(self, name: str) -> Framework:
        return self._read(Framework, await self._ask("GET", f"{_FRAMEWORKS}/{segment(name)}"))

    @override
    async def frameworks_page(self, after: str, limit: int) -> list[Framework]:
        answer = await self._ask("GET", _FRAMEWORKS, {"after": after, "limit": limit})
        return [self._read(Framework, orjson.dumps(item)) for item in orjson.loads(answer)["items"]]

    @override
    async def replace_framework(
        self, name: str, content: FrameworkContent, *, expected_version: int | None
    ) -> Framework:
        answer = await self._ask(
            "PUT",
            f"{_FRAMEWORKS}/{segment(name)}",
            body=written(content),
            headers=if_match(expected_version),
        )
        return self._read(Framework, answer)

    @override
    async def delete_framework(self, name: str, *, expected_version: int | None) -> None:
        path = f"{_FRAMEWORKS}/{segment(name)}"
        await self._ask("DELETE", path, headers=if_match(expected_version))

    @override
    async def entry_compliance(self, entry_id: str) -> EntryCompliance:
        answer = await self._ask("GET", f"/entries/{segment(entry_id)}/compliance")
        return self._read(EntryCompliance, answer)

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
        answer = await self._ask(
            "PUT",
            _assessment(entry_id, framework, control),
            body=written(draft),
            headers=if_match(expected_version),
        )
        return self._read(Assessment, answer)

    @override
    async def delete_assessment(
        self, entry_id: str, framework: str, control: str, *, expected_version: int | None
    ) -> None:
        path = _assessment(entry_id, framework, control)
        await self._ask("DELETE", path, headers=if_match(expected_version))

    @override
    async def assessment_history(
        self, entry_id: str, framework: str, control: str
    ) -> AssessmentHistory:
        path = f"{_assessment(entry_id, framework, control)}/versions"
        return self._read(AssessmentHistory, await self._ask("GET", path))

    @override
    async def compliance_report(self, framework: str, within_days: int) -> ComplianceReport:
        path = f"{_FRAMEWORKS}/{segment(framework)}/report"
        answer = await self._ask("GET", path, {"within_days": within_days})
        return self._read(ComplianceReport, answer)

    @override
    async def expiring_page(
        self, within_days: int, framework: str | None, after: str | None, limit: int
    ) -> ExpiringPage:
        asked = {"within_days": within_days} | _given(framework, after, limit)
        return self._read(ExpiringPage, await self._ask("GET", "/compliance/expiring", asked))

    @override
    async def overdue_page(
        self, framework: str | None, after: str | None, limit: int
    ) -> OverduePage:
        asked = _given(framework, after, limit)
        return self._read(OverduePage, await self._ask("GET", "/compliance/overdue", asked))

    @override
    async def erase(self, request: ErasureRequest) -> Erasure:
        return self._read(Erasure, await self._ask("POST", "/erasures", body=written(request)))

    @override
    async def erasures_page(self, before: str | None, limit: int) -> ErasurePage:
        asked: dict[str, Any] = {"limit": limit} | ({} if before is None else {"before": before})
        return self._read(ErasurePage, await self._ask("GET", "/erasures", asked))


def _assessment(entry_id: str, framework: str, control: str) -> str:
    return f"/entries/{segment(entry_id)}/compliance/{segment(framework)}/{segment(control)}"


def _given(framework: str | None, after: str | None, limit: int) -> dict[str, Any]:
    asked = {"framework": framework, "after": after, "limit": limit}
    return {name: value for name, value in asked.items() if value is not None}
