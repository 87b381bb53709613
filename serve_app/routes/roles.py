"""Custom roles, and the roles that principals and groups hold in namespaces."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel

from hyper_registry.domain.role import (
    BindingDraft,
    CustomRole,
    RoleBinding,
    RoleContent,
    RoleDraft,
)
from serve_app.answers import json_answer
from serve_app.dependencies import (
    Caller,
    RequestIdentifier,
    RoleNameInPath,
    Services,
    require_storable,
)
from serve_app.route_policies import PREFIX

router = APIRouter()


class RolePage(BaseModel):
    """Some custom roles by name; `next_after` continues, null ends."""

    items: list[CustomRole]
    next_after: str | None


class BindingPage(BaseModel):
    """Some bindings; `next_after` continues, null ends."""

    items: list[RoleBinding]
    next_after: int | None


@router.post("/roles", status_code=201, response_model=CustomRole)
async def create_role(
    draft: RoleDraft, registry: Services, caller: Caller, request_id: RequestIdentifier
) -> Response:
    """Create a custom role, a named set of scopes."""
    created = await registry.roles.create(caller, draft, request_id=request_id)
    return json_answer(created, 201, {"Location": f"{PREFIX}/roles/{created.name}"})


@router.get("/roles", response_model=RolePage)
async def list_roles(
    registry: Services,
    caller: Caller,
    after: str = "",
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> Response:
    """List the custom roles by name, page by page."""
    require_storable("after", after)
    items = await registry.roles.list_page(caller, after=after, limit=limit)
    last = items[-1].name if len(items) == limit else None
    return json_answer(RolePage(items=items, next_after=last))


@router.get("/roles/{name}", response_model=CustomRole)
async def get_role(name: RoleNameInPath, registry: Services, caller: Caller) -> Response:
    """Read a custom role."""
    return json_answer(await registry.roles.get(caller, name))


@router.put("/roles/{name}", response_model=CustomRole)
async def replace_role(
    name: RoleNameInPath,
    content: RoleContent,
    registry: Services,
    caller: Caller,
    request_id: RequestIdentifier,
) -> Response:
    """Replace what a custom role allows, for all who have it."""
    changed = await registry.roles.replace(caller, name, content, request_id=request_id)
    return json_answer(changed)


@router.delete("/roles/{name}", status_code=204)
async def delete_role(
    name: RoleNameInPath, registry: Services, caller: Caller, request_id: RequestIdentifier
) -> None:
    """Delete a custom role that no key has."""
    await registry.roles.delete(caller, name, request_id=request_id)


@router.put("/role-bindings", response_model=RoleBinding)
async def bind_role(
    draft: BindingDraft, registry: Services, caller: Caller, request_id: RequestIdentifier
) -> Response:
    """Give a principal or a group its role in a namespace, in place of the one it had."""
    return json_answer(await registry.roles.bind(caller, draft, request_id=request_id))


@router.get("/role-bindings", response_model=BindingPage)
async def list_bindings(
    registry: Services,
    caller: Caller,
    namespace: str | None = None,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> Response:
    """List role bindings, of one namespace or of all, page by page."""
    require_storable("namespace", namespace)
    items = await registry.roles.list_bindings(
        caller, namespace=namespace, after=after, limit=limit
    )
    last = items[-1].binding_id if len(items) == limit else None
    return json_answer(BindingPage(items=items, next_after=last))


@router.delete("/role-bindings/{binding_id}", status_code=204)
async def unbind_role(
    binding_id: Annotated[int, Path(ge=1, le=2**62)],
    registry: Services,
    caller: Caller,
    request_id: RequestIdentifier,
) -> None:
    """Take a role in a namespace away."""
    await registry.roles.unbind(caller, binding_id, request_id=request_id)
