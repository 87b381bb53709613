"""Reviews in the Python face: the same embedded and against a server."""

import pytest

from hyper_registry import HyperUniversalRegistry
from hyper_registry.domain.errors.access import PermissionDeniedError
from hyper_registry.domain.errors.entry import EntryNotFoundError, VersionConflictError
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.errors.review import (
    ApprovalRequiredError,
    ReviewClosedError,
    ReviewNotFoundError,
)
from tests.acceptance.test_python_following import registry

__all__ = ["registry"]


async def test_reviews_by_calls(registry: HyperUniversalRegistry):  # the fixture
    await registry.create_namespace("team")
    governed = await registry.set_approval("team", {"approvals": 2})
    assert governed.approval is not None
    assert (governed.approval.approvals, governed.approval.statuses) == (2, ("active",))
    with pytest.raises(ApprovalRequiredError):
        await registry.register_agent({"title": "A", "handle": "team/a"})
    fields = {"entry_id": "a", "title": "A", "handle": "team/a", "status": "draft"}
    await registry.register_agent(fields)
    with pytest.raises(ApprovalRequiredError):
        await registry.patch_entry("a", {"status": "active"})
    for refused, error in (
        (registry.propose_change("none", {"status": "active"}), EntryNotFoundError),
        (registry.propose_change("a", {"title": "B"}), InvalidFieldError),
        (
            registry.propose_change("a", {"status": "active"}, expected_version=4),
            VersionConflictError,
        ),
        (
            registry.get_review("00000000-0000-0000-0000-000000000000"),
            ReviewNotFoundError,
        ),
        (registry.list_reviews("none"), EntryNotFoundError),
    ):
        with pytest.raises(error):
            await refused
    review = await registry.propose_change("a", {"status": "active"}, "ready", expected_version=1)
    assert (review.entry_id, review.version, review.note) == ("a", 1, "ready")
    assert await registry.get_review(review.review_id) == review
    assert await registry.list_reviews() == await registry.list_reviews("a") == [review]
    # Nobody decides about a proposal of their own, not even who operates the registry.
    assert await registry.list_reviews(decidable=True) == []
    with pytest.raises(PermissionDeniedError):
        await registry.decide_review(review.review_id, "approve")
    assert (await registry.withdraw_review(str(review.review_id))).state == "withdrawn"
    with pytest.raises(ReviewClosedError):
        await registry.withdraw_review(review.review_id)
    assert await registry.list_reviews() == []
    assert (await registry.set_approval("team", None)).approval is None
    assert (await registry.patch_entry("a", {"status": "active"})).version == 2
