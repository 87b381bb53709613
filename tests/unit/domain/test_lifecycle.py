from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from hyper_registry.domain.entry_status import EntryStatus
from hyper_registry.domain.errors.types import StatusTransitionError
from hyper_registry.domain.lifecycle import Deprecation, Lifecycle, instant_text

DRAFT, ACTIVE, INACTIVE, DEPRECATED, ARCHIVED = EntryStatus
ALLOWED = {
    (DRAFT, ACTIVE), (DRAFT, INACTIVE), (DRAFT, DEPRECATED), (DRAFT, ARCHIVED),
    (ACTIVE, INACTIVE), (ACTIVE, DEPRECATED), (ACTIVE, ARCHIVED),
    (INACTIVE, ACTIVE), (INACTIVE, DEPRECATED), (INACTIVE, ARCHIVED),
    (DEPRECATED, ACTIVE), (DEPRECATED, INACTIVE), (DEPRECATED, ARCHIVED),
    (ARCHIVED, INACTIVE),
}  # fmt: skip


@pytest.mark.parametrize("current", EntryStatus)
@pytest.mark.parametrize("asked", EntryStatus)
def test_the_standard_life(current: EntryStatus, asked: EntryStatus) -> None:
    if current is asked or (current, asked) in ALLOWED:
        Lifecycle.standard().check(current, asked)
    else:
        with pytest.raises(StatusTransitionError) as caught:
            Lifecycle.standard().check(current, asked)
        assert set(caught.value.allowed) == {to.value for start, to in ALLOWED if start is current}


@pytest.mark.parametrize("status", EntryStatus)
def test_an_entry_begins_with_any_status_unless_its_category_says_otherwise(
    status: EntryStatus,
) -> None:
    Lifecycle.standard().check(None, status)
    only_drafts = Lifecycle(initial=(DRAFT,))
    if status is not DRAFT:
        with pytest.raises(StatusTransitionError, match="new does not become"):
            only_drafts.check(None, status)


def test_equal_times_have_one_form() -> None:
    noon = datetime(2026, 1, 31, 12, 0, 0, 999, tzinfo=UTC)
    there = noon.astimezone(timezone(timedelta(hours=5, minutes=30)))
    told = Deprecation(sunset=there)
    assert told == Deprecation(sunset=noon)
    assert told.model_dump(mode="json")["sunset"] == instant_text(noon) == "2026-01-31T12:00:00Z"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValidationError):
        Deprecation.model_validate({"sunset": "2026-01-31T12:00:00"})
