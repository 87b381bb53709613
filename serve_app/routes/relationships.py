"""Relationships: created, changed, deleted, and read from either end."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from hyper_registry.domain.identifiers import RelationshipId
from hyper_registry.domain.relationship import (
    Direction,
    RelatedEntry,
    Relationship,
    RelationshipDraft,
    RelationshipVersionPage,
)
from serve_app.answers import json_answer
from serve_app.dependencies import (
    Caller,
    EntryIdInPath,
    ExpectedVersions,
    IfNoneMatch,
    MergePatch,
    Moment,
    PageLimit,
    RequestIdentifier,
    Services,
    VersionBefore,
    VersionPageLimit,
    require_storable,
)
from serve_app.entity_tags import entity_tag, tagged_versions
from serve_app.route_policies import PREFIX

router = APIRouter()


class RelationshipPage(BaseModel):
    """Some relationships of an entry; `next_after` continues, null ends."""

    items: list[RelatedEntry]
    next_after: RelationshipId | None


@router.post("/relationships", status_code=201, response_model=Relationship)
async def create_relationship(
    draft: RelationshipDraft, registry: Services, caller: Caller, request_id: RequestIdentifier
) -> Response:
    """Relate two entries."""
    require_storable("source_id", draft.source_id)
    require_storable("target_id", draft.target_id)
    created = await registry.relationships.create(caller, draft, request_id=request_id)
    location = f"{PREFIX}/relationships/{created.relationship_id}"
    return _answer(created, 201, {"Location": location})


@router.get(
    "/relationships/{relationship_id}",
    response_model=Relationship,
    responses={304: {"description": "If-None-Match names the present version"}},
)
async def get_relationship(
    relationship_id: RelationshipId,
    registry: Services,
    caller: Caller,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Read a relationship."""
    found = await registry.relationships.get(caller, relationship_id)
    if if_none_match is not None:
        known = tagged_versions("If-None-Match", if_none_match)
        if known is None or found.version in known:
            return Response(status_code=304, headers={"ETag": entity_tag(found.version)})
    return _answer(found)


@router.put("/relationships/{relationship_id}", response_model=Relationship)
async def replace_relationship(
    relationship_id: RelationshipId,
    draft: RelationshipDraft,
    registry: Services,
    caller: Caller,
    expected: ExpectedVersions,
    request_id: RequestIdentifier,
) -> Response:
    """Replace weight, direction and metadata; the ends and the type stay as they are."""
    return _answer(
        await registry.relationships.replace(
            caller, relationship_id, draft, expected_versions=expected, request_id=request_id
        )
    )


@router.patch("/relationships/{relationship_id}", response_model=Relationship)
async def patch_relationship(
    relationship_id: RelationshipId,
    patch: MergePatch,
    registry: Services,
    caller: Caller,
    expected: ExpectedVersions,
    request_id: RequestIdentifier,
) -> Response:
    """Change what an RFC 7386 merge patch names; the result is validated as a whole."""
    return _answer(
        await registry.relationships.patch(
            caller, relationship_id, patch, expected_versions=expected, request_id=request_id
        )
    )


@router.delete("/relationships/{relationship_id}", status_code=204)
async def delete_relationship(
    relationship_id: RelationshipId,
    registry: Services,
    caller: Caller,
    expected: ExpectedVersions,
    request_id: RequestIdentifier,
) -> None:
    """Delete a relationship; its history stays."""
    await registry.relationships.delete(
        caller, relationship_id, expected_versions=expected, request_id=request_id
    )


@router.get("/relationships/{relationship_id}/versions", response_model=RelationshipVersionPage)
async def list_relationship_versions(
    relationship_id: RelationshipId,
    registry: Services,
    caller: Caller,
    before: VersionBefore = None,
    limit: VersionPageLimit = 50,
) -> Response:
    """Read the versions of a relationship, deleted or not, newest first."""
    return json_answer(
        await registry.relationships.list_versions(
            caller, relationship_id, before=before, limit=limit
        )
    )


@router.get("/entries/{entry_id}/relationships", response_model=RelationshipPage)
async def list_relationships(
    entry_id: EntryIdInPath,
    registry: Services,
    caller: Caller,
    direction: Direction = Direction.BOTH,
    rel_type: Annotated[list[str] | None, Query(description="Repeatable: any of them.")] = None,
    as_of: Moment = None,
    after: RelationshipId | None = None,
    limit: PageLimit = 100,
) -> Response:
    """Read the relationships of an entry, page by page; with `as_of` those that it had then."""
    for name in rel_type or ():
        require_storable("rel_type", name)
    items = await registry.relationships.list_of(
        caller, entry_id, direction, rel_types=rel_type, as_of=as_of, after=after, limit=limit
    )
    last = items[-1].relationship.relationship_id if len(items) == limit else None
    return json_answer(RelationshipPage.model_construct(items=items, next_after=last))


def _answer(
    relationship: Relationship, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    tagged = {"ETag": entity_tag(relationship.version), **(headers or {})}
    return json_answer(relationship, status, tagged)
