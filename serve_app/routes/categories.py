"""Categories of entries, and the versions of the schemas for their metadata."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict

from hyper_registry.domain.text import JsonObject
from hyper_registry.domain.type_definitions import (
    CategoryChange,
    CategoryDefinition,
    CategoryDraft,
    CategoryName,
    SchemaReport,
    SchemaVersion,
)
from serve_app.answers import json_answer
from serve_app.dependencies import Caller, RequestIdentifier, Services
from serve_app.route_policies import PREFIX

router = APIRouter()


class CategoryList(BaseModel):
    """All categories, by name."""

    items: list[CategoryDefinition]


class SchemaList(BaseModel):
    """All versions of a schema, the newest first."""

    items: list[SchemaVersion]


class SchemaRequest(BaseModel):
    """A schema to store as the next version."""

    model_config = ConfigDict(extra="forbid")

    document: JsonObject


@router.get("/categories", response_model=CategoryList)
async def list_categories(registry: Services, _caller: Caller) -> Response:
    """List all categories."""
    return json_answer(CategoryList(items=await registry.categories.list_all()))


@router.post("/categories", status_code=201, response_model=CategoryDefinition)
async def create_category(
    draft: CategoryDraft, registry: Services, caller: Caller, request_id: RequestIdentifier
) -> Response:
    """Add a category; for administrators."""
    created = await registry.categories.create(caller, draft, request_id=request_id)
    return json_answer(created, 201, {"Location": f"{PREFIX}/categories/{created.name}"})


@router.get("/categories/{name}", response_model=CategoryDefinition)
async def get_category(name: CategoryName, registry: Services, _caller: Caller) -> Response:
    """Read one category."""
    return json_answer(await registry.categories.get(name))


@router.patch("/categories/{name}", response_model=CategoryDefinition)
async def update_category(
    name: CategoryName,
    change: CategoryChange,
    registry: Services,
    caller: Caller,
    request_id: RequestIdentifier,
) -> Response:
    """Change description, compatibility or lifecycle of a category; for administrators."""
    return json_answer(
        await registry.categories.update(caller, name, change, request_id=request_id)
    )


@router.delete("/categories/{name}", status_code=204)
async def delete_category(
    name: CategoryName, registry: Services, caller: Caller, request_id: RequestIdentifier
) -> None:
    """Delete a category that was added and has no entries; for administrators."""
    await registry.categories.delete(caller, name, request_id=request_id)


@router.get("/categories/{name}/schemas", response_model=SchemaList)
async def list_schemas(name: CategoryName, registry: Services, _caller: Caller) -> Response:
    """List all versions of a category's schema."""
    return json_answer(SchemaList(items=await registry.categories.list_schemas(name)))


@router.post("/categories/{name}/schemas", status_code=201, response_model=SchemaReport)
async def put_schema(
    name: CategoryName,
    body: SchemaRequest,
    registry: Services,
    caller: Caller,
    request_id: RequestIdentifier,
    *,
    dry_run: Annotated[bool, Query(description="Only report what would happen.")] = False,
    check_limit: Annotated[int, Query(ge=0, le=1_000_000)] = 10_000,
) -> Response:
    """Store the next version of a category's schema, and report what exists and does not fit."""
    report = await registry.categories.put_schema(
        caller,
        name,
        dict(body.document),
        dry_run=dry_run,
        check_limit=check_limit,
        request_id=request_id,
    )
    return json_answer(report, 200 if dry_run else 201)
