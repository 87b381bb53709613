"""Namespaces of handles, and the roles in them."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from hyper_registry.domain.namespace import (
    Namespace,
    NamespaceContent,
    NamespaceDraft,
    NamespacePage,
)
from hyper_registry.domain.principal import NamespaceRole
from hyper_registry.domain.role import BindingDraft, RoleBinding, SubjectKind
from hyper_registry.domain.text import Line
from serve_app.answers import json_answer
from serve_app.dependencies import (
    Caller,
    NameInPath,
    PageLimit,
    RequestIdentifier,
    Services,
    require_storable,
)
from serve_app.route_policies import PREFIX
from serve_app.routes.roles import BindingPage

router = APIRouter()


class NamespaceBindingDraft(BaseModel):
    """A role for a principal or a group in the namespace of the path."""

    model_config = ConfigDict(extra="forbid")

    subject_kind: SubjectKind
    subject: Annotated[Line, Field(max_length=200)]
    role: NamespaceRole


@router.post("/namespaces", status_code=201, response_model=Namespace)
async def create_namespace(
    draft: NamespaceDraft, registry: Services, caller: Caller, request_id: RequestIdentifier
) -> Response:
    """Create a namespace, whose owner is the caller."""
    created = await registry.namespaces.create(caller, draft, request_id=request_id)
    return json_answer(created, 201, {"Location": f"{PREFIX}/namespaces/{quote(created.form)}"})


@router.get("/namespaces", response_model=NamespacePage)
async def list_namespaces(
    registry: Services, _caller: Caller, after: str = "", limit: PageLimit = 100
) -> Response:
    """List the namespaces by form, page by page."""
    require_storable("after", after)
    items = await registry.namespaces.list_page(after=after, limit=limit)
    last = items[-1].form if len(items) == limit else None
    return json_answer(NamespacePage(items=items, next_after=last))


@router.get("/namespaces/{namespace}", response_model=Namespace)
async def get_namespace(namespace: NameInPath, registry: Services, _caller: Caller) -> Response:
    """Read a namespace, by any way to write its name."""
    return json_answer(await registry.namespaces.get(namespace))


@router.patch("/namespaces/{namespace}", response_model=Namespace)
async def update_namespace(
    namespace: NameInPath,
    change: NamespaceContent,
    registry: Services,
    caller: Caller,
    request_id: RequestIdentifier,
) -> Response:
    """Change the description or the policy of a namespace; for its owners."""
    return json_answer(
        await registry.namespaces.update(caller, namespace, change, request_id=request_id)
    )


@router.delete("/namespaces/{namespace}", status_code=204)
async def delete_namespace(
    namespace: NameInPath, registry: Services, caller: Caller, request_id: RequestIdentifier
) -> None:
    """Delete a namespace in which no entry has or had a name; for its owners."""
    await registry.namespaces.delete(caller, namespace, request_id=request_id)


@router.get("/namespaces/{namespace}/bindings", response_model=BindingPage)
async def list_namespace_bindings(
    namespace: NameInPath,
    registry: Services,
    caller: Caller,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: PageLimit = 100,
) -> Response:
    """List the roles in a namespace, page by page; for its owners."""
    items = await registry.namespaces.list_bindings(caller, namespace, after=after, limit=limit)
    last = items[-1].binding_id if len(items) == limit else None
    return json_answer(BindingPage(items=items, next_after=last))


@router.put("/namespaces/{namespace}/bindings", response_model=RoleBinding)
async def bind_in_namespace(
    namespace: NameInPath,
    draft: NamespaceBindingDraft,
    registry: Services,
    caller: Caller,
    request_id: RequestIdentifier,
) -> Response:
    """Give a principal or a group its role in a namespace, at once; for its owners."""
    found = await registry.namespaces.get(namespace)
    binding = BindingDraft(namespace=found.name, **draft.model_dump())
    return json_answer(await registry.namespaces.bind(caller, binding, request_id=request_id))


@router.delete("/namespaces/{namespace}/bindings/{binding_id}", status_code=204)
async def unbind_in_namespace(
    namespace: NameInPath,
    binding_id: Annotated[int, Path(ge=1, le=2**62)],
    registry: Services,
    caller: Caller,
    request_id: RequestIdentifier,
) -> None:
    """Take a role in a namespace away, at once; for its owners."""
    await registry.namespaces.unbind(caller, namespace, binding_id, request_id=request_id)
