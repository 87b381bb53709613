"""Frameworks, controls and assessments in Postgres."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg

from hyper_registry.domain.compliance import (
    Assessment,
    AssessmentDraft,
    AssessmentStatus,
    AssessmentVersion,
    ControlDraft,
    EffectiveStatus,
    Evidence,
    Framework,
    FrameworkContent,
    effective_status,
    is_overdue,
)
from hyper_registry.domain.compliance_report import ExpiringEvidence, OverdueAssessment
from hyper_registry.domain.entry import ComplianceStatus
from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("compliance")

ExpiringCursor = tuple[datetime, str, str, str]
OverdueCursor = tuple[date, str, str, str]


@dataclass(frozen=True, slots=True)
class HeldControl:
    """A control that cannot be deleted until the transaction ends."""

    key: int
    draft: ControlDraft


@dataclass(frozen=True, slots=True)
class HeldAssessment:
    """An assessment with its version."""

    version: int
    draft: AssessmentDraft
    updated_at: datetime
    updated_by: str


@dataclass(frozen=True, slots=True)
class EntryCount:
    """How many visible entries share a category and an owner."""

    category: str
    owner: str | None
    entries: int


@dataclass(frozen=True, slots=True)
class AssessmentCount:
    """How many assessments share a category, an owner, a control and what they count as."""

    category: str
    owner: str | None
    control: str
    status: EffectiveStatus
    pairs: int
    overdue: int
    expiring: int


class ComplianceStore:
    """Compliance in Postgres; takes a connection and never commits."""

    async def insert_framework(
        self, connection: Connection, name: str, content: FrameworkContent, actor: str
    ) -> bool:
        """Add a framework with its controls; False if the name is taken."""
        added = await connection.fetchval(
            _SQL["insert_framework"], name, content.title, content.description, actor
        )
        if added is None:
            return False
        await self._put_controls(connection, name, content)
        return True

    async def update_framework(
        self, connection: Connection, name: str, content: FrameworkContent, actor: str
    ) -> None:
        """Replace a held framework; its controls that are left out must not be in use."""
        await connection.execute(
            _SQL["update_framework"], name, content.title, content.description, actor
        )
        codes = [control.code for control in content.controls]
        await connection.execute(_SQL["delete_controls"], name, codes)
        await self._put_controls(connection, name, content)

    async def lock_framework(self, connection: Connection, name: str) -> int | None:
        """Hold a framework and return its version; None if there is none."""
        version: int | None = await connection.fetchval(_SQL["lock_framework"], name)
        return version

    async def delete_framework(self, connection: Connection, name: str) -> None:
        """Delete a framework whose controls are not in use."""
        await connection.execute(_SQL["delete_framework"], name)

    async def find_assessed_control(
        self, connection: Connection, name: str, kept: Sequence[str]
    ) -> tuple[str, int] | None:
        """Return a control beside the `kept` ones that is in use, and how often it is."""
        row = await connection.fetchrow(_SQL["find_assessed_control"], name, list(kept))
        return None if row is None else (row["code"], row["assessments"])

    async def fetch_framework(self, connection: Connection, name: str) -> Framework | None:
        """Read a framework."""
        row = await connection.fetchrow(_SQL["list_frameworks"], name, "", 1)
        return None if row is None else Framework.model_validate(dict(row))

    async def list_frameworks(
        self, connection: Connection, after: str, limit: int
    ) -> list[Framework]:
        """Read frameworks by name, from after one name on."""
        rows = await connection.fetch(_SQL["list_frameworks"], None, after, limit)
        return [Framework.model_validate(dict(row)) for row in rows]

    async def lock_control(
        self, connection: Connection, framework: str, code: str
    ) -> HeldControl | None:
        """Hold a control; None if there is none."""
        row = await connection.fetchrow(_SQL["lock_control"], framework, code)
        if row is None:
            return None
        fields = dict(row)
        return HeldControl(fields.pop("control_key"), ControlDraft.model_validate(fields))

    async def fetch_assessment(
        self, connection: Connection, entry_id: str, control: HeldControl
    ) -> HeldAssessment | None:
        """Read an assessment of an entry that the caller holds."""
        row = await connection.fetchrow(_SQL["fetch_assessment"], entry_id, control.key)
        return None if row is None else _held(row)

    async def put_assessment(
        self,
        connection: Connection,
        entry_id: str,
        control: HeldControl,
        draft: AssessmentDraft,
        actor: str,
    ) -> HeldAssessment:
        """Write an assessment of an entry that the caller holds."""
        row = await connection.fetchrow(
            _SQL["put_assessment"],
            entry_id,
            control.key,
            draft.status.value,
            draft.assessor,
            draft.due_date,
            draft.note,
            [item.model_dump(mode="json") for item in draft.evidence],
            draft.valid_until,
            actor,
        )
        assert row is not None
        return _held(row)

    async def delete_assessment(
        self, connection: Connection, entry_id: str, control: HeldControl, actor: str
    ) -> None:
        """Delete an assessment; its history stays."""
        await connection.execute(_SQL["delete_assessment"], entry_id, control.key, actor)

    async def list_statuses(
        self, connection: Connection, entry_id: str, now: datetime
    ) -> list[EffectiveStatus]:
        """Return what the assessments of an entry count as."""
        return [
            effective_status(AssessmentStatus(row["status"]), row["valid_until"], now)
            for row in await connection.fetch(_SQL["list_statuses"], entry_id)
        ]

    async def list_of_entry(
        self, connection: Connection, entry_id: str, grants: list[str] | None, now: datetime
    ) -> tuple[ComplianceStatus, list[Assessment]] | None:
        """Read what an entry declares and its assessments; None if `grants` may not see it."""
        rows = await connection.fetch(_SQL["list_of_entry"], entry_id, grants)
        if not rows:
            return None
        declared = ComplianceStatus(rows[0]["compliance_status"])
        return declared, [_assessment(row, now) for row in rows if row["code"] is not None]

    async def list_versions(
        self,
        connection: Connection,
        entry_id: str,
        grants: list[str] | None,
        framework: str,
        control: str,
    ) -> list[AssessmentVersion]:
        """Read all versions of an assessment, newest first."""
        rows = await connection.fetch(_SQL["list_versions"], entry_id, grants, framework, control)
        return [
            AssessmentVersion(
                **_content(row),
                version=row["version"],
                actor=row["actor"],
                valid_from=row["valid_from"],
                superseded_at=row["superseded_at"],
            )
            for row in rows
        ]

    async def list_expiring(
        self,
        connection: Connection,
        grants: list[str] | None,
        now: datetime,
        within: timedelta,
        *,
        framework: str | None,
        after: ExpiringCursor | None,
        limit: int,
    ) -> list[ExpiringEvidence]:
        """Read compliant assessments whose first evidence expires within a time, or has."""
        until = now + within
        place = after or (None,) * 4
        rows = await connection.fetch(
            _SQL["list_expiring"], grants, until, framework, *place, limit
        )
        return [
            ExpiringEvidence(
                entry_id=row["entry_id"],
                framework=row["framework"],
                control=row["code"],
                valid_until=row["valid_until"],
                expired=row["valid_until"] <= now,
                assessor=row["assessor"],
                titles=[
                    item.title
                    for item in map(Evidence.model_validate, row["evidence"])
                    if item.expires_at is not None and item.expires_at <= until
                ],
            )
            for row in rows
        ]

    async def list_overdue(
        self,
        connection: Connection,
        grants: list[str] | None,
        now: datetime,
        *,
        framework: str | None,
        after: OverdueCursor | None,
        limit: int,
    ) -> list[OverdueAssessment]:
        """Read assessments past their due date that are not settled."""
        place = after or (None,) * 4
        today = now.astimezone(UTC).date()
        rows = await connection.fetch(
            _SQL["list_overdue"], grants, today, now, framework, *place, limit
        )
        return [
            OverdueAssessment(
                entry_id=row["entry_id"],
                framework=row["framework"],
                control=row["code"],
                due_date=row["due_date"],
                effective_status=effective_status(
                    AssessmentStatus(row["status"]), row["valid_until"], now
                ),
                assessor=row["assessor"],
            )
            for row in rows
        ]

    async def count_entries(
        self, connection: Connection, grants: list[str] | None
    ) -> list[EntryCount]:
        """Count the entries that `grants` may see, by category and owner."""
        rows = await connection.fetch(_SQL["count_entries"], grants)
        return [EntryCount(row["category"], row["owner"], row["entries"]) for row in rows]

    async def count_assessments(
        self,
        connection: Connection,
        grants: list[str] | None,
        framework: str,
        now: datetime,
        within: timedelta,
    ) -> list[AssessmentCount]:
        """Count their assessments by the controls of a framework that apply to them."""
        today = now.astimezone(UTC).date()
        rows = await connection.fetch(
            _SQL["count_assessments"], grants, framework, now, today, now + within
        )
        return [
            AssessmentCount(
                row["category"],
                row["owner"],
                row["code"],
                EffectiveStatus(row["status"]),
                row["pairs"],
                row["overdue"],
                row["expiring"],
            )
            for row in rows
        ]

    async def list_outdated(self, connection: Connection, now: datetime, limit: int) -> list[str]:
        """Return entries whose own status still counts an evidence that has expired."""
        rows = await connection.fetch(_SQL["list_outdated"], now, limit)
        return [row["entry_id"] for row in rows]

    async def _put_controls(
        self, connection: Connection, name: str, content: FrameworkContent
    ) -> None:
        controls = [control.model_dump(mode="json") for control in content.controls]
        await connection.execute(_SQL["put_controls"], name, controls)


def _content(row: asyncpg.Record) -> dict[str, Any]:
    return {
        "status": row["status"],
        "evidence": row["evidence"],
        "assessor": row["assessor"],
        "due_date": row["due_date"],
        "note": row["note"],
    }


def _held(row: asyncpg.Record) -> HeldAssessment:
    draft = AssessmentDraft.model_validate(_content(row))
    return HeldAssessment(row["version"], draft, row["updated_at"], row["updated_by"])


def assessment_of(
    framework: str, control: ControlDraft, held: HeldAssessment, now: datetime
) -> Assessment:
    """Return what is shown of an assessment."""
    effective = effective_status(held.draft.status, held.draft.valid_until, now)
    return Assessment(
        **dict(held.draft),
        framework=framework,
        control=control.code,
        title=control.title,
        version=held.version,
        effective_status=effective,
        overdue=is_overdue(effective, held.draft.due_date, now),
        updated_at=held.updated_at,
        updated_by=held.updated_by,
    )


def _assessment(row: asyncpg.Record, now: datetime) -> Assessment:
    if row["version"] is None:
        return Assessment(
            status=AssessmentStatus.NOT_ASSESSED,
            framework=row["framework"],
            control=row["code"],
            title=row["title"],
            version=0,
            effective_status=EffectiveStatus.NOT_ASSESSED,
            overdue=False,
            updated_at=None,
            updated_by=None,
        )
    control = ControlDraft(code=row["code"], title=row["title"])
    return assessment_of(row["framework"], control, _held(row), now)
