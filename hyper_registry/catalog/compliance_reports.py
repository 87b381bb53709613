"""Reports on compliance: counts of a framework, expiring evidence, overdue assessments."""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from hyper_registry.catalog.assessments import utc_now
from hyper_registry.domain.assessment_cursor import assessment_cursor, read_assessment_cursor
from hyper_registry.domain.compliance import EffectiveStatus, Framework
from hyper_registry.domain.compliance_report import (
    ComplianceReport,
    ExpiringPage,
    OverduePage,
    StatusCounts,
)
from hyper_registry.domain.errors.compliance import FrameworkNotFoundError
from hyper_registry.domain.principal import Principal
from hyper_registry.domain.scope import Scope
from hyper_registry.storage.compliance_store import (
    AssessmentCount,
    ComplianceStore,
    EntryCount,
)
from hyper_registry.storage.database import Database


class ComplianceReports:
    """Reports over the entries that a principal may see; hidden ones do not count.

    Parameters
    ----------
    clock
        Decides which evidence has expired and what is overdue.
    """

    def __init__(
        self,
        database: Database,
        store: ComplianceStore,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._store = store
        self._clock = clock

    async def report(
        self, principal: Principal, framework: str, *, within_days: int = 30
    ) -> ComplianceReport:
        """Count how a framework stands, in one snapshot.

        Raises
        ------
        PermissionDeniedError
            If the caller may not read about compliance.
        FrameworkNotFoundError
            If there is none of this name.
        """
        principal.require(Scope.COMPLIANCE_READ, "report on compliance")
        now = self._clock()
        async with self._database.snapshot(principal.grants) as connection:
            found = await self._store.fetch_framework(connection, framework)
            if found is None:
                raise FrameworkNotFoundError(framework)
            entries = await self._store.count_entries(connection, principal.grants)
            assessments = await self._store.count_assessments(
                connection, principal.grants, framework, now, timedelta(days=within_days)
            )
        return counted(found, entries, assessments, now, within_days)

    async def expiring(
        self,
        principal: Principal,
        *,
        within_days: int = 30,
        framework: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> ExpiringPage:
        """Return assessments whose evidence expires within some days, or has expired.

        Raises
        ------
        PermissionDeniedError
            If the caller may not read about compliance.
        InvalidFieldError
            If `after` is no cursor of such a page.
        """
        principal.require(Scope.COMPLIANCE_READ, "list expiring evidence")
        place = read_assessment_cursor(datetime, after)
        async with self._database.reading(principal.grants) as connection:
            items = await self._store.list_expiring(
                connection,
                principal.grants,
                self._clock(),
                timedelta(days=within_days),
                framework=framework,
                after=place,
                limit=limit,
            )
        cursor = None
        if len(items) == limit:
            end = items[-1]
            cursor = assessment_cursor(end.valid_until, end.entry_id, end.framework, end.control)
        return ExpiringPage(items=items, next_after=cursor)

    async def overdue(
        self,
        principal: Principal,
        *,
        framework: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> OverduePage:
        """Return assessments past their due date that are not settled.

        Raises
        ------
        PermissionDeniedError
            If the caller may not read about compliance.
        InvalidFieldError
            If `after` is no cursor of such a page.
        """
        principal.require(Scope.COMPLIANCE_READ, "list overdue assessments")
        place = read_assessment_cursor(date, after)
        async with self._database.reading(principal.grants) as connection:
            items = await self._store.list_overdue(
                connection,
                principal.grants,
                self._clock(),
                framework=framework,
                after=place,
                limit=limit,
            )
        cursor = None
        if len(items) == limit:
            end = items[-1]
            cursor = assessment_cursor(end.due_date, end.entry_id, end.framework, end.control)
        return OverduePage(items=items, next_after=cursor)


@dataclass(slots=True)
class _Sum:
    entries: int = 0
    pairs: int = 0
    statuses: Counter[EffectiveStatus] = field(default_factory=Counter[EffectiveStatus])
    overdue: int = 0
    expiring: int = 0

    def add(self, counted: AssessmentCount) -> None:
        self.statuses[counted.status] += counted.pairs
        self.overdue += counted.overdue
        self.expiring += counted.expiring

    def told(self, key: str | None) -> StatusCounts:
        by_status = {status: self.statuses[status] for status in EffectiveStatus}
        # What nobody has written down counts as what somebody wrote down to be open.
        by_status[EffectiveStatus.NOT_ASSESSED] += self.pairs - self.statuses.total()
        assessed = self.pairs - by_status[EffectiveStatus.NOT_ASSESSED]
        return StatusCounts(
            key=key,
            entries=self.entries,
            pairs=self.pairs,
            by_status=by_status,
            coverage=round(assessed / self.pairs, 4) if self.pairs else 1.0,
            overdue=self.overdue,
            expiring=self.expiring,
        )


def counted(
    framework: Framework,
    entries: Iterable[EntryCount],
    assessments: Iterable[AssessmentCount],
    now: datetime,
    within_days: int,
) -> ComplianceReport:
    """Add up a report.

    Parameters
    ----------
    entries
        All that count, by category and owner.
    assessments
        Those by controls that apply to the entry.
    """
    total = _Sum()
    categories: defaultdict[str, _Sum] = defaultdict(_Sum)
    owners: defaultdict[str | None, _Sum] = defaultdict(_Sum)
    controls = {control.code: _Sum() for control in framework.controls}
    for group in entries:
        applying = [item for item in framework.controls if item.applies_to(group.category)]
        if not applying:
            continue
        for each in (total, categories[group.category], owners[group.owner]):
            each.entries += group.entries
            each.pairs += group.entries * len(applying)
        for control in applying:
            controls[control.code].entries += group.entries
            controls[control.code].pairs += group.entries
    for item in assessments:
        for each in (
            total,
            categories[item.category],
            owners[item.owner],
            controls[item.control],
        ):
            each.add(item)
    return ComplianceReport(
        framework=framework.name,
        title=framework.title,
        as_of=now,
        within_days=within_days,
        total=total.told("total"),
        by_category=[categories[name].told(name) for name in sorted(categories)],
        by_owner=[
            owners[name].told(name)
            for name in sorted(owners, key=lambda name: (name is None, name))
        ],
        by_control=[controls[item.code].told(item.code) for item in framework.controls],
    )


def report_table(report: ComplianceReport) -> str:
    """Return a report as CSV: one row for each of its counts, with a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    statuses = list(EffectiveStatus)
    writer.writerow(
        ["framework", "by", "key", "entries", "pairs", *statuses, "coverage", "overdue", "expiring"]
    )
    parts: list[tuple[str, Sequence[StatusCounts]]] = [
        ("total", [report.total]),
        ("category", report.by_category),
        ("owner", report.by_owner),
        ("control", report.by_control),
    ]
    for by, rows in parts:
        for row in rows:
            writer.writerow(
                [
                    report.framework,
                    by,
                    row.key or "",
                    row.entries,
                    row.pairs,
                    *(row.by_status[status] for status in statuses),
                    row.coverage,
                    row.overdue,
                    row.expiring,
                ]
            )
    return text.getvalue()
