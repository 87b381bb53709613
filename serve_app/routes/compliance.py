"""Compliance: frameworks, assessments of entries, reports."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, BaseModel

from hyper_registry.catalog.compliance_reports import report_table
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
from hyper_registry.domain.text import storable_text
from serve_app.answers import json_answer
from serve_app.dependencies import (
    Caller,
    EntryIdInPath,
    ExpectedVersions,
    PageLimit,
    RequestIdentifier,
    Services,
)
from serve_app.entity_tags import entity_tag
from serve_app.route_policies import PREFIX

router = APIRouter()

_Name = Annotated[str, AfterValidator(storable_text)]
_Days = Annotated[int, Query(ge=0, le=3_650, description="Evidence that expires within them.")]
_Framework = Annotated[_Name | None, Query(description="Only by this framework.")]


class FrameworkPage(BaseModel):
    """Frameworks by name; `next_after` continues, null ends."""

    items: list[Framework]
    next_after: str | None


class ReportFormat(StrEnum):
    """Form of a report."""

    JSON = "json"
    CSV = "csv"


@router.get("/compliance/frameworks", response_model=FrameworkPage)
async def list_frameworks(
    registry: Services, caller: Caller, after: _Name = "", limit: PageLimit = 100
) -> Response:
    """Read frameworks with their controls, page by page."""
    items = await registry.frameworks.list_page(caller, after=after, limit=limit)
    last = items[-1].name if len(items) == limit else None
    return json_answer(FrameworkPage(items=items, next_after=last))


@router.post("/compliance/frameworks", status_code=201, response_model=Framework)
async def create_framework(
    draft: FrameworkDraft, registry: Services, caller: Caller, request_id: RequestIdentifier
) -> Response:
    """Add a framework; for administrators."""
    created = await registry.frameworks.create(caller, draft, request_id=request_id)
    location = {"Location": f"{PREFIX}/compliance/frameworks/{created.name}"}
    return json_answer(created, 201, {"ETag": entity_tag(created.version), **location})


@router.get("/compliance/frameworks/{framework}", response_model=Framework)
async def get_framework(framework: _Name, registry: Services, caller: Caller) -> Response:
    """Read a framework with its controls."""
    found = await registry.frameworks.get(caller, framework)
    return json_answer(found, headers={"ETag": entity_tag(found.version)})


@router.put("/compliance/frameworks/{framework}", response_model=Framework)
async def replace_framework(
    framework: _Name,
    content: FrameworkContent,
    registry: Services,
    caller: Caller,
    expected: ExpectedVersions,
    request_id: RequestIdentifier,
) -> Response:
    """Replace a framework; controls are known by their codes. For administrators."""
    changed = await registry.frameworks.replace(
        caller, framework, content, expected_versions=expected, request_id=request_id
    )
    return json_answer(changed, headers={"ETag": entity_tag(changed.version)})


@router.delete("/compliance/frameworks/{framework}", status_code=204)
async def delete_framework(
    framework: _Name,
    registry: Services,
    caller: Caller,
    expected: ExpectedVersions,
    request_id: RequestIdentifier,
) -> None:
    """Delete a framework by which nothing is assessed; for administrators."""
    await registry.frameworks.delete(
        caller, framework, expected_versions=expected, request_id=request_id
    )


@router.get(
    "/compliance/frameworks/{framework}/report",
    response_model=ComplianceReport,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def report_on_framework(
    framework: _Name,
    registry: Services,
    caller: Caller,
    within_days: _Days = 30,
    format: ReportFormat = ReportFormat.JSON,  # noqa: A002  # the name of the parameter
) -> Response:
    """Count how a framework stands over the entries that you may see."""
    report = await registry.compliance.report(caller, framework, within_days=within_days)
    if format is ReportFormat.CSV:
        return Response(report_table(report), media_type="text/csv; charset=utf-8")
    return json_answer(report)


@router.get("/compliance/expiring", response_model=ExpiringPage)
async def list_expiring(
    registry: Services,
    caller: Caller,
    within_days: _Days = 30,
    framework: _Framework = None,
    after: str | None = None,
    limit: PageLimit = 100,
) -> Response:
    """Read what is compliant until its evidence expires, or has expired, the earliest first."""
    page = await registry.compliance.expiring(
        caller, within_days=within_days, framework=framework, after=after, limit=limit
    )
    return json_answer(page)


@router.get("/compliance/overdue", response_model=OverduePage)
async def list_overdue(
    registry: Services,
    caller: Caller,
    framework: _Framework = None,
    after: str | None = None,
    limit: PageLimit = 100,
) -> Response:
    """Read what should be settled by now and is not, the earliest due date first."""
    page = await registry.compliance.overdue(caller, framework=framework, after=after, limit=limit)
    return json_answer(page)


@router.get("/entries/{entry_id}/compliance", response_model=EntryCompliance)
async def get_entry_compliance(
    entry_id: EntryIdInPath, registry: Services, caller: Caller
) -> Response:
    """Tell where an entry stands by every control that applies to it."""
    return json_answer(await registry.assessments.of_entry(caller, entry_id))


@router.get("/entries/{entry_id}/compliance/{framework}/{control}", response_model=Assessment)
async def get_assessment(
    entry_id: EntryIdInPath, framework: _Name, control: _Name, registry: Services, caller: Caller
) -> Response:
    """Read the assessment of an entry by one control."""
    found = await registry.assessments.get(caller, entry_id, framework, control)
    return json_answer(found, headers={"ETag": entity_tag(found.version)})


@router.get(
    "/entries/{entry_id}/compliance/{framework}/{control}/versions",
    response_model=AssessmentHistory,
)
async def list_assessment_versions(
    entry_id: EntryIdInPath, framework: _Name, control: _Name, registry: Services, caller: Caller
) -> Response:
    """Read all versions of an assessment, newest first, also of a deleted one."""
    return json_answer(await registry.assessments.history(caller, entry_id, framework, control))


@router.put("/entries/{entry_id}/compliance/{framework}/{control}", response_model=Assessment)
async def assess_entry(
    entry_id: EntryIdInPath,
    framework: _Name,
    control: _Name,
    draft: AssessmentDraft,
    registry: Services,
    caller: Caller,
    expected: ExpectedVersions,
    request_id: RequestIdentifier,
) -> Response:
    """Assess an entry by a control; `If-Match: "0"` only where nobody has."""
    written = await registry.assessments.put(
        caller,
        entry_id,
        framework,
        control,
        draft,
        expected_versions=expected,
        request_id=request_id,
    )
    return json_answer(written, headers={"ETag": entity_tag(written.version)})


@router.delete("/entries/{entry_id}/compliance/{framework}/{control}", status_code=204)
async def delete_assessment(
    entry_id: EntryIdInPath,
    framework: _Name,
    control: _Name,
    registry: Services,
    caller: Caller,
    expected: ExpectedVersions,
    request_id: RequestIdentifier,
) -> None:
    """Delete an assessment; its history stays."""
    await registry.assessments.delete(
        caller, entry_id, framework, control, expected_versions=expected, request_id=request_id
    )
