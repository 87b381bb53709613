"""Reviews: changes that are proposed, listed and decided about."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from hyper_registry.domain.review import DecisionDraft, Review, ReviewDraft, ReviewPage
from serve_app.answers import json_answer
from serve_app.dependencies import (
    Caller,
    EntryIdInPath,
    ExpectedVersions,
    PageLimit,
    RequestIdentifier,
    Services,
)
from serve_app.route_policies import PREFIX

router = APIRouter()

_After = Annotated[UUID | None, Query(description="The `next_after` of the page before.")]


@router.post("/entries/{entry_id}/reviews", status_code=201, response_model=Review)
async def propose_change(
    entry_id: EntryIdInPath,
    draft: ReviewDraft,
    registry: Services,
    caller: Caller,
    expected: ExpectedVersions,
    request_id: RequestIdentifier,
) -> Response:
    """Propose a merge patch of an entry that needs the approval of owners; it is tried at once."""
    review = await registry.reviews.propose(
        caller, entry_id, draft, expected_versions=expected, request_id=request_id
    )
    return json_answer(review, 201, {"Location": f"{PREFIX}/reviews/{review.review_id}"})


@router.get("/entries/{entry_id}/reviews", response_model=ReviewPage)
async def list_entry_reviews(
    entry_id: EntryIdInPath,
    registry: Services,
    caller: Caller,
    after: _After = None,
    limit: PageLimit = 100,
) -> Response:
    """Read all reviews of an entry in the order in which they were proposed."""
    page = await registry.reviews.list_of_entry(caller, entry_id, after=after, limit=limit)
    return json_answer(page)


@router.get("/reviews", response_model=ReviewPage)
async def list_reviews(
    registry: Services,
    caller: Caller,
    *,
    decidable: Annotated[bool, Query(description="Only those you can decide about.")] = False,
    after: _After = None,
    limit: PageLimit = 100,
) -> Response:
    """Read open reviews in the order in which they were proposed."""
    page = await registry.reviews.list_open(caller, decidable=decidable, after=after, limit=limit)
    return json_answer(page)


@router.get("/reviews/{review_id}", response_model=Review)
async def get_review(review_id: UUID, registry: Services, caller: Caller) -> Response:
    """Read a review."""
    return json_answer(await registry.reviews.get(caller, review_id))


@router.post("/reviews/{review_id}/withdraw", response_model=Review)
async def withdraw_review(
    review_id: UUID, registry: Services, caller: Caller, request_id: RequestIdentifier
) -> Response:
    """Withdraw a change that you proposed."""
    return json_answer(await registry.reviews.withdraw(caller, review_id, request_id=request_id))


@router.post("/reviews/{review_id}/decisions", response_model=Review)
async def decide_review(
    review_id: UUID,
    decision: DecisionDraft,
    registry: Services,
    caller: Caller,
    request_id: RequestIdentifier,
) -> Response:
    """Approve or reject a change, as an owner; the last approval needed applies it at once."""
    review = await registry.reviews.decide(caller, review_id, decision, request_id=request_id)
    return json_answer(review)
