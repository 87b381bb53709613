"""Relationship types: described, listed, deleted."""

from fastapi import APIRouter, Response
from pydantic import BaseModel

from hyper_registry.domain.type_definitions import (
    RelationshipTypeChange,
    RelationshipTypeDefinition,
    RelationshipTypeName,
)
from serve_app.answers import json_answer
from serve_app.dependencies import Caller, RequestIdentifier, Services

router = APIRouter()


class RelationshipTypeList(BaseModel):
    """All relationship types, by name; those not `described` allow everything."""

    items: list[RelationshipTypeDefinition]


@router.get("/relationship-types", response_model=RelationshipTypeList)
async def list_relationship_types(registry: Services, caller: Caller) -> Response:
    """List the relationship types that were described; for administrators all in use."""
    items = await registry.relationship_types.list_all(caller)
    return json_answer(RelationshipTypeList(items=items))


@router.get("/relationship-types/{name}", response_model=RelationshipTypeDefinition)
async def get_relationship_type(
    name: RelationshipTypeName, registry: Services, caller: Caller
) -> Response:
    """Read one relationship type."""
    return json_answer(await registry.relationship_types.get(caller, name))


@router.put("/relationship-types/{name}", response_model=RelationshipTypeDefinition)
async def put_relationship_type(
    name: RelationshipTypeName,
    change: RelationshipTypeChange,
    registry: Services,
    caller: Caller,
    request_id: RequestIdentifier,
) -> Response:
    """Describe a relationship type, new or known; for administrators."""
    return json_answer(
        await registry.relationship_types.put(caller, name, change, request_id=request_id)
    )


@router.delete("/relationship-types/{name}", status_code=204)
async def delete_relationship_type(
    name: RelationshipTypeName, registry: Services, caller: Caller, request_id: RequestIdentifier
) -> None:
    """Delete a relationship type without relationships; for administrators."""
    await registry.relationship_types.delete(caller, name, request_id=request_id)
