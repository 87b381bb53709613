"""Compliance and erasures in the Python face: the same embedded and against a server."""

import pytest

from hyper_registry import HyperUniversalRegistry
from hyper_registry.domain.errors.compliance import (
    AssessmentNotFoundError,
    ControlInUseError,
    FrameworkNotFoundError,
)
from hyper_registry.domain.errors.entry import EntryNotFoundError, VersionConflictError
from hyper_registry.domain.errors.input import InvalidFieldError
from tests.acceptance.test_python_following import registry

__all__ = ["registry"]


async def test_compliance_and_erasure_by_calls(registry: HyperUniversalRegistry):  # the fixture
    controls = [{"code": "c1", "title": "First"}]
    framework = await registry.create_framework(
        {"name": "iso", "title": "ISO", "controls": controls}
    )
    assert await registry.list_frameworks() == [framework]
    with pytest.raises(FrameworkNotFoundError):
        await registry.get_framework("none")
    entry_id = await registry.register_agent({"title": "A", "owner": "pia.quist"})
    with pytest.raises(InvalidFieldError):
        await registry.assess_entry(entry_id, "iso", "c1", {"status": "fine"})
    with pytest.raises(EntryNotFoundError):
        await registry.get_compliance("none")
    evidence = {"title": "E", "text": "x", "expires_at": "2001-01-01T00:00:00Z"}
    draft = {"status": "compliant", "evidence": [evidence], "assessor": "pia.quist"}
    made = await registry.assess_entry(entry_id, "iso", "c1", draft, expected_version=0)
    assert (made.version, made.effective_status) == (1, "expired")
    with pytest.raises(VersionConflictError):
        await registry.assess_entry(entry_id, "iso", "c1", draft, expected_version=0)
    assert (await registry.get_compliance(entry_id)).compliance_status == "in_review"
    assert [item.titles for item in await registry.list_expiring_evidence()] == [["E"]]
    assert await registry.list_overdue_assessments() == []
    assert (await registry.report_compliance("iso")).total.coverage == 1.0
    with pytest.raises(ControlInUseError):
        await registry.delete_framework("iso")
    tried = await registry.erase_person(["pia.quist"], "asked", dry_run=True)
    assert tried.report.changed["entry"] == 1
    erased = await registry.erase_person(["pia.quist"], "asked")
    assert (await registry.get_entry(entry_id)).owner == erased.pseudonym
    assert (await registry.get_compliance(entry_id)).assessments[0].assessor == erased.pseudonym
    assert [item.erasure_id for item in await registry.list_erasures()] == [erased.erasure_id]
    assert (await registry.verify_audit()).valid
    await registry.delete_assessment(entry_id, "iso", "c1")
    versions = await registry.list_assessment_versions(entry_id, "iso", "c1")
    assert [item.version for item in versions] == [2, 1]
    with pytest.raises(AssessmentNotFoundError):
        await registry.delete_assessment(entry_id, "iso", "c1")
    replaced = await registry.replace_framework("iso", {"title": "I"}, expected_version=1)
    assert (replaced.version, replaced.controls) == (2, ())
    await registry.delete_framework("iso", expected_version=2)
