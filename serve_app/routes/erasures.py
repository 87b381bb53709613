"""Erasures of persons: tried, done and listed; for administrators."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import AfterValidator

from hyper_registry.domain.erasure import Erasure, ErasurePage, ErasureRequest
from hyper_registry.domain.text import storable_text
from serve_app.answers import json_answer
from serve_app.dependencies import Caller, PageLimit, RequestIdentifier, Services
from serve_app.route_policies import PREFIX

router = APIRouter(prefix="/erasures")

_ErasureId = Annotated[str, AfterValidator(storable_text)]


@router.post("", status_code=201, response_model=Erasure)
async def erase_person(
    request: ErasureRequest, registry: Services, caller: Caller, request_id: RequestIdentifier
) -> Response:
    """Erase a person; with `dry_run` tell what that would touch, and change nothing."""
    erasure = await registry.erasures.erase(caller, request, request_id=request_id)
    headers = {"Cache-Control": "no-store"}
    if erasure.erasure_id is not None:
        headers["Location"] = f"{PREFIX}/erasures/{erasure.erasure_id}"
    return json_answer(erasure, 201, headers)


@router.get("", response_model=ErasurePage)
async def list_erasures(
    registry: Services, caller: Caller, before: _ErasureId | None = None, limit: PageLimit = 100
) -> Response:
    """Read erasures, newest first; they do not tell who was erased."""
    return json_answer(await registry.erasures.page(caller, before, limit))


@router.get("/{erasure_id}", response_model=Erasure)
async def get_erasure(erasure_id: _ErasureId, registry: Services, caller: Caller) -> Response:
    """Read an erasure."""
    return json_answer(await registry.erasures.get(caller, erasure_id))
