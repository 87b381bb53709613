"""What reports on compliance tell: counts of one framework, and what ends or is late."""

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from hyper_registry.domain.compliance import EffectiveStatus


class StatusCounts(BaseModel):
    """Pairs of an entry and a control that applies to it, by what they count as.

    Attributes
    ----------
    key
        What the pairs have in common: a category, an owner or a control; None where an entry has
        no owner.
    coverage
        Share of the pairs that somebody has assessed, 0 to 1; 1 where there are none.
    overdue, expiring
        Those past their due date, and those compliant whose evidence ends within the asked days.
    """

    model_config = ConfigDict(frozen=True)

    key: str | None
    entries: int
    pairs: int
    by_status: dict[EffectiveStatus, int]
    coverage: float
    overdue: int
    expiring: int


class ComplianceReport(BaseModel):
    """How one framework stands over the entries that the caller may see."""

    model_config = ConfigDict(frozen=True)

    framework: str
    title: str
    as_of: datetime
    within_days: int
    total: StatusCounts
    by_category: list[StatusCounts]
    by_owner: list[StatusCounts]
    by_control: list[StatusCounts]


class ExpiringEvidence(BaseModel):
    """An assessment that counts as compliant until its first evidence expires, or did so.

    Attributes
    ----------
    titles
        The evidence that expires within the asked days or has expired.
    """

    model_config = ConfigDict(frozen=True)

    entry_id: str
    framework: str
    control: str
    valid_until: datetime
    expired: bool
    assessor: str | None
    titles: list[str]


class ExpiringPage(BaseModel):
    """Expiring evidence, the earliest first; `next_after` continues, null ends."""

    items: list[ExpiringEvidence]
    next_after: str | None


class OverdueAssessment(BaseModel):
    """An assessment that should be settled and is not."""

    model_config = ConfigDict(frozen=True)

    entry_id: str
    framework: str
    control: str
    due_date: date
    effective_status: EffectiveStatus
    assessor: str | None


class OverduePage(BaseModel):
    """Overdue assessments, the earliest due date first; `next_after` continues, null ends."""

    items: list[OverdueAssessment]
    next_after: str | None
