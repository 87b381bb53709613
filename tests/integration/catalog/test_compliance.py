import asyncio
import csv
import io
from datetime import UTC, date, datetime, timedelta

import pytest

from hyper_registry.catalog.assessments import AssessmentService
from hyper_registry.catalog.compliance_frameworks import FrameworkService
from hyper_registry.catalog.compliance_reports import ComplianceReports, report_table
from hyper_registry.domain.compliance import (
    AssessmentDraft,
    AssessmentStatus,
    EffectiveStatus,
    FrameworkContent,
    FrameworkDraft,
)
from hyper_registry.domain.entry import ComplianceStatus
from hyper_registry.domain.errors.access import PermissionDeniedError
from hyper_registry.domain.errors.compliance import (
    AssessmentNotFoundError,
    ControlInUseError,
    ControlNotFoundError,
    FrameworkExistsError,
    FrameworkNotFoundError,
)
from hyper_registry.domain.errors.entry import EntryNotFoundError, VersionConflictError
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.principal import Principal
from hyper_registry.storage.compliance_store import ComplianceStore
from hyper_registry.storage.database import Database
from hyper_registry.storage.journal_store import JournalStore
from tests.support.services import ADMIN, EDITOR, VIEWER, Services, build_services, draft

NOW = datetime(2030, 6, 15, 12, tzinfo=UTC)
SOC2 = {
    "name": "soc2",
    "title": "SOC 2",
    "controls": [
        {"code": "CC6.1", "title": "Access is controlled"},
        {"code": "CC7.2", "title": "Agents are monitored", "categories": ["agent"]},
    ],
}


class Compliance:
    """The services of compliance on a test's own database, with a clock that the test sets."""

    def __init__(self, database: Database) -> None:
        self.now = NOW
        self.database = database
        self.services: Services = build_services(database)
        store, journal = ComplianceStore(), JournalStore()
        self.frameworks = FrameworkService(database, store, journal)
        self.assessments = AssessmentService(
            database, self.services.entries, store, journal, lambda: self.now
        )
        self.reports = ComplianceReports(database, store, lambda: self.now)

    async def assess(
        self, entry_id: str, control: str, status: str, *, by: Principal = EDITOR, **fields: object
    ):
        made = AssessmentDraft.model_validate({"status": status} | fields)
        return await self.assessments.put(by, entry_id, "soc2", control, made)

    async def status(self, entry_id: str) -> tuple[ComplianceStatus, int]:
        entry = await self.services.entries.get(ADMIN, entry_id)
        return entry.compliance_status, entry.version


@pytest.fixture
async def compliance(database: Database) -> Compliance:
    made = Compliance(database)
    await made.frameworks.create(ADMIN, FrameworkDraft.model_validate(SOC2))
    await made.services.entries.register(EDITOR, draft(entry_id="a", owner="ops"))
    return made


def evidence(days: int | None, title: str = "Report") -> dict[str, object]:
    expires_at = None if days is None else NOW + timedelta(days=days)
    return {"title": title, "uri": "https://x.example/1", "expires_at": expires_at}


async def test_frameworks_are_kept_with_their_controls_in_order(compliance: Compliance):
    framework = await compliance.frameworks.get(VIEWER, "soc2")
    assert [control.code for control in framework.controls] == ["CC6.1", "CC7.2"]
    assert (framework.version, framework.created_by) == (1, "ada")
    assert framework.controls[1].categories == ("agent",)
    with pytest.raises(FrameworkExistsError):
        await compliance.frameworks.create(ADMIN, FrameworkDraft.model_validate(SOC2))
    with pytest.raises(FrameworkNotFoundError):
        await compliance.frameworks.get(VIEWER, "iso")
    for attempt in (EDITOR, VIEWER):
        with pytest.raises(PermissionDeniedError):
            await compliance.frameworks.delete(attempt, "soc2")
    turned = FrameworkContent.model_validate(
        {"title": "SOC two", "controls": [*reversed(SOC2["controls"]), {"code": "X", "title": "X"}]}
    )
    with pytest.raises(VersionConflictError):
        await compliance.frameworks.replace(ADMIN, "soc2", turned, expected_versions={7})
    changed = await compliance.frameworks.replace(ADMIN, "soc2", turned, expected_versions={1})
    assert [control.code for control in changed.controls] == ["CC7.2", "CC6.1", "X"]
    assert (changed.version, changed.title) == (2, "SOC two")


async def test_controls_in_use_stay(compliance: Compliance):
    await compliance.assess("a", "CC6.1", "compliant")
    without = FrameworkContent.model_validate({"title": "SOC 2", "controls": SOC2["controls"][1:]})
    with pytest.raises(ControlInUseError, match=r"1 entries are assessed by the control 'CC6\.1'"):
        await compliance.frameworks.replace(ADMIN, "soc2", without)
    with pytest.raises(ControlInUseError):
        await compliance.frameworks.delete(ADMIN, "soc2")
    await compliance.assessments.delete(EDITOR, "a", "soc2", "CC6.1")
    await compliance.frameworks.replace(ADMIN, "soc2", without)
    history = await compliance.assessments.history(VIEWER, "a", "soc2", "CC6.1")
    assert [item.status for item in history.items] == [AssessmentStatus.COMPLIANT]
    await compliance.frameworks.delete(ADMIN, "soc2")
    assert await compliance.frameworks.list_page(VIEWER) == []


async def test_an_assessment_has_versions_that_writers_can_expect(compliance: Compliance):
    first = await compliance.assess("a", "CC6.1", "in_progress", note="begun")
    assert (first.version, first.assessor, first.effective_status) == (1, "eve", "in_progress")
    same = await compliance.assess("a", "CC6.1", "in_progress", note="begun")
    assert same == first
    made = AssessmentDraft(status=AssessmentStatus.COMPLIANT, assessor="auditor")
    for expected in ({0}, {2}):
        with pytest.raises(VersionConflictError, match=r"a/soc2/CC6\.1"):
            await compliance.assessments.put(
                EDITOR, "a", "soc2", "CC6.1", made, expected_versions=expected
            )
    second = await compliance.assessments.put(
        EDITOR, "a", "soc2", "CC6.1", made, expected_versions={1}
    )
    assert (second.version, second.assessor) == (2, "auditor")
    await compliance.assessments.delete(EDITOR, "a", "soc2", "CC6.1", expected_versions={2})
    with pytest.raises(AssessmentNotFoundError):
        await compliance.assessments.get(VIEWER, "a", "soc2", "CC6.1")
    again = await compliance.assess("a", "CC6.1", "compliant")
    # The deletion was the third.
    assert again.version == 4
    history = (await compliance.assessments.history(VIEWER, "a", "soc2", "CC6.1")).items
    assert [(item.version, item.status.value) for item in history] == [
        (4, "compliant"),
        (2, "compliant"),
        (1, "in_progress"),
    ]
    assert history[0].superseded_at is None
    assert history[2].superseded_at == history[1].valid_from


async def test_each_write_leaves_change_and_audit_rows(compliance: Compliance):
    await compliance.assess("a", "CC6.1", "non_compliant")
    await compliance.assess("a", "CC6.1", "compliant")
    await compliance.assessments.delete(EDITOR, "a", "soc2", "CC6.1")
    async with compliance.database.connection() as connection:
        changes = await connection.fetch(
            "select subject_id, operation, version, actor from change"
            " where subject = 'assessment' order by change_no"
        )
        audit = await connection.fetch(
            "select action, target, detail from audit where action like 'assessment%' order by 1, 3"
        )
        same = await connection.fetchval(
            "select count(*) from change c join audit a using (xid)"
            " where c.subject = 'assessment' and a.action like 'assessment.%'"
        )
    assert [tuple(row) for row in changes] == [
        ("a/soc2/CC6.1", "create", 1, "eve"),
        ("a/soc2/CC6.1", "update", 2, "eve"),
        ("a/soc2/CC6.1", "delete", 3, "eve"),
    ]
    assert [(row["action"], row["target"]) for row in audit] == [
        ("assessment.delete", "a/soc2/CC6.1"),
        ("assessment.put", "a/soc2/CC6.1"),
        ("assessment.put", "a/soc2/CC6.1"),
    ]
    assert same == 3


async def test_what_cannot_be_assessed_is_refused(compliance: Compliance):
    await compliance.services.entries.register(EDITOR, draft(entry_id="s", category="service"))
    hidden = draft(entry_id="h", security={"visibility": "private", "readers": ["user:zoe"]})
    await compliance.services.entries.register(EDITOR, hidden)
    with pytest.raises(InvalidFieldError, match="does not apply to entries of 'service'"):
        await compliance.assess("s", "CC7.2", "compliant")
    with pytest.raises(ControlNotFoundError):
        await compliance.assess("a", "CC9", "compliant")
    made = AssessmentDraft(status=AssessmentStatus.COMPLIANT)
    with pytest.raises(FrameworkNotFoundError):
        await compliance.assessments.put(EDITOR, "a", "iso", "CC9", made)
    with pytest.raises(PermissionDeniedError):
        await compliance.assessments.put(VIEWER, "a", "soc2", "CC6.1", made)
    for entry_id in ("h", "none"):
        for call in (
            compliance.assess(entry_id, "CC6.1", "compliant"),
            compliance.assessments.of_entry(VIEWER, entry_id),
            compliance.assessments.history(VIEWER, entry_id, "soc2", "CC6.1"),
            compliance.assessments.delete(EDITOR, entry_id, "soc2", "CC6.1"),
        ):
            with pytest.raises(EntryNotFoundError, match=f"no entry '{entry_id}'"):
                await call


async def test_an_entrys_status_follows_from_its_assessments(compliance: Compliance):
    entries = compliance.services.entries
    declared = await entries.patch(EDITOR, "a", {"compliance_status": "exempt"})
    stand = await compliance.assessments.of_entry(VIEWER, "a")
    assert (stand.compliance_status, stand.assessed) == (ComplianceStatus.EXEMPT, False)
    assert [(item.control, item.version) for item in stand.assessments] == [
        ("CC6.1", 0),
        ("CC7.2", 0),
    ]
    await compliance.assess("a", "CC6.1", "compliant")
    assert await compliance.status("a") == (ComplianceStatus.COMPLIANT, declared.version + 1)
    await compliance.assess("a", "CC7.2", "in_progress")
    assert (await compliance.status("a"))[0] is ComplianceStatus.IN_REVIEW
    await compliance.assess("a", "CC7.2", "non_compliant")
    assert await compliance.status("a") == (ComplianceStatus.NON_COMPLIANT, declared.version + 3)
    # Nobody writes past the assessments, on whichever way.
    kept = await entries.patch(EDITOR, "a", {"compliance_status": "compliant"})
    assert (kept.compliance_status, kept.version) == ("non_compliant", declared.version + 3)
    replaced = await entries.replace(EDITOR, "a", draft(title="Renamed"))
    assert (replaced.compliance_status, replaced.title) == ("non_compliant", "Renamed")
    await entries.update_many(EDITOR, {1: draft(entry_id="a", title="Bulk")})
    assert await compliance.status("a") == ("non_compliant", declared.version + 5)
    first = await compliance.services.history.get_version(EDITOR, "a", 1)
    restored = await entries.restore(EDITOR, first)
    assert (restored.compliance_status, restored.title) == ("non_compliant", first.title)
    await compliance.assessments.delete(EDITOR, "a", "soc2", "CC7.2")
    assert (await compliance.status("a"))[0] is ComplianceStatus.COMPLIANT
    await compliance.assessments.delete(EDITOR, "a", "soc2", "CC6.1")
    assert (await compliance.status("a"))[0] is ComplianceStatus.UNKNOWN


async def test_expired_evidence_counts_from_its_moment_on(compliance: Compliance):
    proof = [evidence(10, "Pentest"), evidence(None, "Policy"), evidence(90, "Scan")]
    await compliance.assess("a", "CC6.1", "compliant", evidence=proof)
    compliance.now = NOW + timedelta(days=10) - timedelta(microseconds=1)
    stand = await compliance.assessments.of_entry(VIEWER, "a")
    assert stand.compliance_status is ComplianceStatus.COMPLIANT
    assert (await compliance.reports.expiring(VIEWER, within_days=0)).items == []
    (soon,) = (await compliance.reports.expiring(VIEWER, within_days=1)).items
    assert (soon.expired, soon.titles) == (False, ["Pentest"])
    compliance.now = NOW + timedelta(days=10)
    # The entry's own column is as it was, and every answer about compliance knows better.
    assert (await compliance.status("a"))[0] is ComplianceStatus.COMPLIANT
    stand = await compliance.assessments.of_entry(VIEWER, "a")
    assert stand.compliance_status is ComplianceStatus.IN_REVIEW
    assert stand.assessments[0].status is AssessmentStatus.COMPLIANT
    assert stand.assessments[0].effective_status is EffectiveStatus.EXPIRED
    (ended,) = (await compliance.reports.expiring(VIEWER, within_days=0)).items
    assert (ended.entry_id, ended.control, ended.expired) == ("a", "CC6.1", True)
    report = await compliance.reports.report(VIEWER, "soc2")
    assert report.total.by_status[EffectiveStatus.EXPIRED] == 1
    assert await compliance.assessments.settle_outdated() == 1
    assert (await compliance.status("a"))[0] is ComplianceStatus.IN_REVIEW
    assert await compliance.assessments.settle_outdated() == 0
    await compliance.assess("a", "CC6.1", "compliant", evidence=[evidence(400)])
    assert (await compliance.status("a"))[0] is ComplianceStatus.COMPLIANT


async def test_overdue_is_what_is_not_settled_after_its_day(compliance: Compliance):
    await compliance.services.entries.register(EDITOR, draft(entry_id="b"))
    yesterday = date(2030, 6, 14)
    await compliance.assess("a", "CC6.1", "in_progress", due_date=yesterday, assessor="kim")
    await compliance.assess("a", "CC7.2", "in_progress", due_date=date(2030, 6, 15))
    await compliance.assess("b", "CC6.1", "compliant", due_date=yesterday)
    await compliance.assess(
        "b", "CC7.2", "compliant", due_date=date(2030, 6, 1), evidence=[evidence(-1)]
    )
    found = (await compliance.reports.overdue(VIEWER)).items
    assert [(i.entry_id, i.control, i.effective_status.value, i.assessor) for i in found] == [
        ("b", "CC7.2", "expired", "eve"),
        ("a", "CC6.1", "in_progress", "kim"),
    ]
    page = await compliance.reports.overdue(VIEWER, limit=1)
    rest = await compliance.reports.overdue(VIEWER, after=page.next_after)
    assert page.items + rest.items == found
    with pytest.raises(InvalidFieldError, match="is no cursor"):
        await compliance.reports.expiring(VIEWER, after=page.next_after)
    assert (await compliance.reports.overdue(VIEWER, framework="iso")).items == []


async def test_reports_count_what_the_caller_may_see(compliance: Compliance):
    entries = compliance.services.entries
    await entries.register(EDITOR, draft(entry_id="b", owner="ops"))
    await entries.register(EDITOR, draft(entry_id="s", category="service"))
    private = {"visibility": "private", "readers": ["user:zoe"]}
    await entries.register(EDITOR, draft(entry_id="h", owner="ops", security=private))
    await entries.register(EDITOR, draft(entry_id="d"))
    await compliance.assess("d", "CC6.1", "non_compliant")
    await entries.delete(EDITOR, "d")
    await compliance.assess("a", "CC6.1", "compliant", evidence=[evidence(5)])
    await compliance.assess("a", "CC7.2", "non_compliant", due_date=date(2030, 1, 1))
    await compliance.assess("b", "CC6.1", "not_assessed")
    await compliance.assess("s", "CC6.1", "not_applicable")
    await compliance.assess("h", "CC6.1", "compliant", by=ADMIN, evidence=[evidence(5)])
    report = await compliance.reports.report(VIEWER, "soc2", within_days=5)
    assert report.total.model_dump() == {
        "key": "total",
        "entries": 3,
        "pairs": 5,
        "by_status": {
            "not_assessed": 2,
            "in_progress": 0,
            "compliant": 1,
            "non_compliant": 1,
            "not_applicable": 1,
            "expired": 0,
        },
        "coverage": 0.6,
        "overdue": 1,
        "expiring": 1,
    }
    told = {item.key: (item.entries, item.pairs, item.coverage) for item in report.by_category}
    assert told == {"agent": (2, 4, 0.5), "service": (1, 1, 1.0)}
    told = {item.key: (item.entries, item.pairs, item.coverage) for item in report.by_owner}
    assert told == {"ops": (2, 4, 0.5), None: (1, 1, 1.0)}
    told = {item.key: (item.entries, item.pairs, item.overdue) for item in report.by_control}
    assert told == {"CC6.1": (3, 3, 0), "CC7.2": (2, 2, 1)}
    everything = await compliance.reports.report(ADMIN, "soc2", within_days=5)
    assert (everything.total.entries, everything.total.expiring) == (4, 2)
    rows = list(csv.DictReader(io.StringIO(report_table(report))))
    assert [(row["by"], row["key"]) for row in rows] == [
        ("total", "total"),
        ("category", "agent"),
        ("category", "service"),
        ("owner", "ops"),
        ("owner", ""),
        ("control", "CC6.1"),
        ("control", "CC7.2"),
    ]
    assert (rows[0]["compliant"], rows[0]["coverage"], rows[0]["overdue"]) == ("1", "0.6", "1")
    assert [item.entry_id for item in (await compliance.reports.expiring(VIEWER)).items] == ["a"]


async def test_two_writers_of_one_entry_wait_for_each_other(compliance: Compliance):
    await asyncio.gather(
        compliance.assess("a", "CC6.1", "compliant"),
        compliance.assess("a", "CC7.2", "non_compliant"),
    )
    assert (await compliance.status("a"))[0] is ComplianceStatus.NON_COMPLIANT


async def test_what_was_assessed_goes_with_its_purged_entry(compliance: Compliance):
    await compliance.assess("a", "CC6.1", "in_progress")
    await compliance.assess("a", "CC6.1", "compliant")
    async with compliance.database.transaction() as connection:
        await connection.execute("delete from entry")
        assert await connection.fetchval("select count(*) from compliance_assessment_history") == 0
