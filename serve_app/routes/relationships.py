"""Relationships: created, and read from either end."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from hyper_registry.domain.relationship import (
    Direction,
    RelatedEntry,
    Relationship,
    RelationshipDraft,
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


class RelationshipPage(BaseModel):
    """Some relationships of an entry; `next_after` continues, null ends."""

    items: list[RelatedEntry]
    next_after: int | None


@router.post("/relationships", status_code=201, response_model=Relationship)
async def create_relationship(
    draft: RelationshipDraft, registry: Services, caller: Caller, request_id: RequestIdentifier
) -> Response:
    """Relate two entries."""
    require_storable("source_id", draft.source_id)
    require_storable("target_id", draft.target_id)
    created = await registry.relationships.create(caller, draft, request_id=request_id)
    return json_answer(created, 201)


@router.get("/entries/{entry_id}/relationships", response_model=RelationshipPage)
async def list_relationships(
    entry_id: EntryIdInPath,
    registry: Services,
    caller: Caller,
    direction: Direction = Direction.BOTH,
    rel_type: str | None = None,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> Response:
    """Read the relationships of an entry, page by page."""
    require_storable("rel_type", rel_type)
    items = await registry.relationships.list_of(
        caller, entry_id, direction, rel_type=rel_type, after=after, limit=limit
    )
    last = items[-1].relationship.relationship_id if len(items) == limit else None
    return json_answer(RelationshipPage(items=items, next_after=last))
