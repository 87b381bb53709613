"""Entries that may be one thing: proposed with evidence, and rejected."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from hyper_registry.domain.duplicate import (
    DuplicateCandidates,
    DuplicatePage,
    DuplicateRejection,
)
from serve_app.answers import json_answer
from serve_app.dependencies import (
    Caller,
    EntryIdInPath,
    RequestIdentifier,
    Services,
    require_storable,
)

router = APIRouter()

MinScore = Annotated[float, Query(ge=0, le=1, description="Less likely ones are left out.")]


@router.get("/entries/{entry_id}/duplicates", response_model=DuplicateCandidates)
async def list_entry_duplicates(
    entry_id: EntryIdInPath,
    registry: Services,
    caller: Caller,
    min_score: MinScore = 0.5,
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
) -> Response:
    """List what may be the same thing as an entry, with evidence, the likeliest first."""
    return json_answer(
        await registry.duplicates.of_entry(caller, entry_id, min_score=min_score, limit=limit)
    )


@router.get("/duplicates", response_model=DuplicatePage)
async def list_duplicates(
    registry: Services,
    caller: Caller,
    after: str | None = None,
    min_score: MinScore = 0.7,
    limit: Annotated[
        int, Query(ge=1, le=50, description="Entries whose duplicates are looked for.")
    ] = 20,
) -> Response:
    """List pairs that may be one thing, at the latest entries first; a page may be empty."""
    require_storable("after", after)
    return json_answer(
        await registry.duplicates.page(caller, after=after, min_score=min_score, entries=limit)
    )


@router.post("/entries/{entry_id}/duplicates/{other_id}/reject", response_model=DuplicateRejection)
async def reject_duplicate(
    entry_id: EntryIdInPath,
    other_id: EntryIdInPath,
    registry: Services,
    caller: Caller,
    request_id: RequestIdentifier,
) -> Response:
    """Note that two entries are two things: not proposed again until one of them is reworded."""
    return json_answer(
        await registry.duplicates.reject(caller, entry_id, other_id, request_id=request_id)
    )
