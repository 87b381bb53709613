"""Compliance: frameworks with their controls, and what was assessed of an entry."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from hyper_registry.domain.entry import ComplianceStatus
from hyper_registry.domain.text import Line, Text
from hyper_registry.domain.type_definitions import CategoryName

FRAMEWORK_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,62}$"
CONTROL_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._()-]{0,62}$"

FrameworkName = Annotated[str, StringConstraints(pattern=FRAMEWORK_PATTERN)]
ControlCode = Annotated[str, StringConstraints(pattern=CONTROL_PATTERN)]
_Title = Annotated[Line, StringConstraints(max_length=500)]
_Prose = Annotated[Text, StringConstraints(max_length=10_000)]


class AssessmentStatus(StrEnum):
    """What an assessment says of one control."""

    NOT_ASSESSED = "not_assessed"
    IN_PROGRESS = "in_progress"
    COMPLIANT = "compliant"
    NON_COMPLIANT = "non_compliant"
    NOT_APPLICABLE = "not_applicable"


class EffectiveStatus(StrEnum):
    """What an assessment counts as at a moment: one whose evidence has expired is not compliant."""

    NOT_ASSESSED = "not_assessed"
    IN_PROGRESS = "in_progress"
    COMPLIANT = "compliant"
    NON_COMPLIANT = "non_compliant"
    NOT_APPLICABLE = "not_applicable"
    EXPIRED = "expired"


SETTLED = frozenset({EffectiveStatus.COMPLIANT, EffectiveStatus.NOT_APPLICABLE})
"""What a due date asks for: anything else is overdue after it."""


class ControlDraft(BaseModel):
    """One control of a framework.

    Attributes
    ----------
    categories
        Categories whose entries it applies to; None for all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: ControlCode
    title: _Title
    description: _Prose = ""
    categories: Annotated[tuple[CategoryName, ...], Field(max_length=500)] | None = None

    def applies_to(self, category: str) -> bool:
        """Whether entries of a category are assessed by it."""
        return self.categories is None or category in self.categories


class FrameworkContent(BaseModel):
    """What administrators write of a framework; the order of the controls is kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: _Title
    description: _Prose = ""
    controls: Annotated[tuple[ControlDraft, ...], Field(max_length=2_000)] = ()

    @field_validator("controls")
    @classmethod
    def _distinct_codes(cls, controls: tuple[ControlDraft, ...]) -> tuple[ControlDraft, ...]:
        codes = [control.code for control in controls]
        twice = next((code for code in codes if codes.count(code) > 1), None)
        if twice is not None:
            msg = f"hold the code {twice!r} twice"
            raise ValueError(msg)
        return controls


class FrameworkDraft(FrameworkContent):
    """A framework that a deployment adds."""

    name: FrameworkName


class Framework(FrameworkDraft):
    """A framework as the registry holds it."""

    version: int
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str


class Evidence(BaseModel):
    """What shows that a control is met.

    Attributes
    ----------
    uri, text
        Where it lies, or what it says; at least one of them.
    expires_at
        From then on it shows nothing any more; None never expires.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: _Title
    uri: Annotated[Line, StringConstraints(max_length=2_000)] | None = None
    text: _Prose | None = None
    collected_at: AwareDatetime | None = None
    expires_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _shows_something(self) -> Self:
        if self.uri is None and not self.text:
            msg = "shows nothing: give its uri or its text"
            raise ValueError(msg)
        if self.collected_at and self.expires_at and self.expires_at <= self.collected_at:
            msg = "expires before it was collected"
            raise ValueError(msg)
        return self


class AssessmentDraft(BaseModel):
    """What an assessor writes of one control of one entry.

    Attributes
    ----------
    assessor
        Who assessed; None for the caller.
    due_date
        Last day on which the control may be unsettled, in UTC.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: AssessmentStatus
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=200)] = ()
    assessor: Annotated[Line, StringConstraints(max_length=200)] | None = None
    due_date: date | None = None
    note: _Prose = ""

    @property
    def valid_until(self) -> datetime | None:
        """When the first of the evidence expires."""
        return min((item.expires_at for item in self.evidence if item.expires_at), default=None)


class Assessment(AssessmentDraft):
    """What is known of one control of one entry at a moment.

    Attributes
    ----------
    version
        0 where nobody has assessed the control yet.
    effective_status
        What it counts as at that moment.
    overdue
        Whether the due date has passed, and the control is not settled.
    """

    framework: str
    control: str
    title: str
    version: int
    effective_status: EffectiveStatus
    overdue: bool
    updated_at: datetime | None
    updated_by: str | None


class AssessmentVersion(AssessmentDraft):
    """One version of an assessment; the present one has no `superseded_at`."""

    version: int
    actor: str
    valid_from: datetime
    superseded_at: datetime | None


class AssessmentHistory(BaseModel):
    """All versions of an assessment, newest first."""

    items: list[AssessmentVersion]


class EntryCompliance(BaseModel):
    """Where an entry stands.

    Attributes
    ----------
    compliance_status
        What the assessments come to at this moment; what the entry declares where there are none.
    assessed
        Whether there are any, so that the status follows from them.
    assessments
        Of every control that applies to the entry or was assessed, by framework and position.
    """

    entry_id: str
    compliance_status: ComplianceStatus
    assessed: bool
    assessments: list[Assessment]


def effective_status(
    status: AssessmentStatus, valid_until: datetime | None, now: datetime
) -> EffectiveStatus:
    """Return what an assessment counts as.

    Examples
    --------
    >>> ended = datetime(2026, 3, 1, tzinfo=UTC)
    >>> effective_status(AssessmentStatus.COMPLIANT, ended, ended).value
    'expired'
    >>> effective_status(AssessmentStatus.NON_COMPLIANT, ended, ended).value
    'non_compliant'
    """
    if status is AssessmentStatus.COMPLIANT and valid_until is not None and valid_until <= now:
        return EffectiveStatus.EXPIRED
    return EffectiveStatus(status.value)


def is_overdue(effective: EffectiveStatus, due_date: date | None, now: datetime) -> bool:
    """Whether an assessment should be settled and is not."""
    return (
        due_date is not None
        and due_date < now.astimezone(UTC).date()
        and (effective not in SETTLED)
    )


def summed_up(statuses: Iterable[EffectiveStatus]) -> ComplianceStatus | None:
    """Return what the assessments of an entry come to; None where there are none.

    Examples
    --------
    >>> summed_up([EffectiveStatus.COMPLIANT, EffectiveStatus.EXPIRED]).value
    'in_review'
    >>> summed_up([EffectiveStatus.NOT_APPLICABLE]).value
    'exempt'
    """
    found = frozenset(statuses)
    if not found:
        return None
    if EffectiveStatus.NON_COMPLIANT in found:
        return ComplianceStatus.NON_COMPLIANT
    if found <= {EffectiveStatus.NOT_APPLICABLE}:
        return ComplianceStatus.EXEMPT
    if found <= SETTLED:
        return ComplianceStatus.COMPLIANT
    return ComplianceStatus.IN_REVIEW
