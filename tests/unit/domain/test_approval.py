"""Policies of approval: what they govern, and what may come back under them."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from hyper_registry.catalog.definitions import HeldDefinitions
from hyper_registry.catalog.entry_rules import EntryBefore, EntryRules
from hyper_registry.domain.approval import (
    ApprovalPolicy,
    HeldPolicy,
    governing,
    require_returnable,
    require_ungoverned,
)
from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.entry_status import EntryStatus
from hyper_registry.domain.errors.review import ApprovalRequiredError
from hyper_registry.domain.errors.types import StatusTransitionError
from hyper_registry.domain.identifiers import EntryId
from hyper_registry.domain.lifecycle import Lifecycle
from hyper_registry.domain.type_definitions import CategoryRules, TypeDefinitions
from hyper_registry.storage.type_store import TypeStore

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
POLICIES = {"team": HeldPolicy(ApprovalPolicy(), SINCE)}
DEFINITIONS = TypeDefinitions(1, {"agent": CategoryRules(Lifecycle.standard())}, approvals=POLICIES)
RULES = EntryRules(HeldDefinitions(TypeStore()))
ID = EntryId("e")


def draft(**fields: object) -> EntryDraft:
    return EntryDraft.model_validate({"category": "agent", "title": "T"} | fields)


def before(held: EntryDraft) -> EntryBefore:
    return EntryBefore(held.category, held.status, held.metadata, held.checksum)


def test_a_policy_is_of_distinct_statuses_and_of_one_to_ten_approvals():
    policy = ApprovalPolicy.model_validate(
        {"statuses": ["archived", "active", "archived"], "approvals": 10}
    )
    assert policy.statuses == (EntryStatus.ACTIVE, EntryStatus.ARCHIVED)
    assert ApprovalPolicy() == ApprovalPolicy(statuses=(EntryStatus.ACTIVE,), approvals=1)
    for wrong in ({"approvals": 0}, {"approvals": 11}, {"statuses": []}, {"statuses": ["gone"]}):
        with pytest.raises(ValidationError):
            ApprovalPolicy.model_validate(wrong)


@pytest.mark.parametrize("status", EntryStatus)
@pytest.mark.parametrize("namespace", ["team", "other", None])
def test_only_governed_statuses_of_the_namespace_are_refused(
    namespace: str | None, status: EntryStatus
):
    governed = (namespace, status) == ("team", EntryStatus.ACTIVE)
    assert (governing(POLICIES, namespace, status) is not None) is governed
    if not governed:
        require_ungoverned(POLICIES, namespace, status)
        return
    with pytest.raises(ApprovalRequiredError) as refused:
        require_ungoverned(POLICIES, namespace, status)
    assert (refused.value.namespace, refused.value.status) == ("team", "active")


def test_what_went_while_the_policy_was_in_force_comes_back_and_what_went_before_does_not():
    active, instant = EntryStatus.ACTIVE, timedelta(microseconds=1)
    require_returnable(POLICIES, "team", active, SINCE)
    require_returnable(POLICIES, "team", EntryStatus.DRAFT, SINCE - instant)
    require_returnable(POLICIES, "other", active, SINCE - instant)
    require_returnable(POLICIES, None, active, SINCE - instant)
    with pytest.raises(ApprovalRequiredError):
        require_returnable(POLICIES, "team", active, SINCE - instant)


def test_rules_admit_into_a_governed_status_only_what_is_approved_or_there():
    active = draft(handle="Team/a")
    for held in (None, before(draft(handle="Team/a", status="draft"))):
        with pytest.raises(ApprovalRequiredError):
            RULES.admit(DEFINITIONS, ID, active, held)
        assert RULES.admit(DEFINITIONS, ID, active, held, approved=True) == active
    assert RULES.admit(DEFINITIONS, ID, active, before(active)) == active
    with pytest.raises(ApprovalRequiredError):
        RULES.admit(DEFINITIONS, ID, draft(handle="TEAM/a", title="Other"), before(active))
    with pytest.raises(ApprovalRequiredError):
        RULES.admit(DEFINITIONS, ID, active, before(draft(handle="other/a")))
    for free in (
        draft(handle="Team/a", status="deprecated", title="Other"),
        draft(handle="other/a"),
        draft(),
    ):
        assert RULES.admit(DEFINITIONS, ID, free, before(active)) == free


def test_an_approval_lifts_no_other_rule():
    archived = before(draft(handle="Team/a", status="archived"))
    with pytest.raises(StatusTransitionError):
        RULES.admit(DEFINITIONS, ID, draft(handle="Team/a"), archived, approved=True)
