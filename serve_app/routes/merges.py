"""Merges of duplicates, and their undoing."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from hyper_registry.domain.merge import Merge, MergedPermissions
from hyper_registry.domain.text import storable_text
from serve_app.answers import json_answer
from serve_app.dependencies import (
    Caller,
    EntryIdInPath,
    ExpectedVersions,
    RequestIdentifier,
    Services,
)
from serve_app.route_policies import PREFIX

router = APIRouter()


class MergeRequest(BaseModel):
    """Which entry goes on for both, and who sees it then."""

    model_config = ConfigDict(extra="forbid")

    into: Annotated[
        str, AfterValidator(storable_text), Field(description="Id of the entry that goes on.")
    ]
    permissions: Annotated[
        MergedPermissions,
        Field(
            description="`keep`: those who see the survivor, which is refused if not all of them "
            "see the duplicate. `union`: all who see one of the two."
        ),
    ] = MergedPermissions.KEEP


@router.post("/entries/{entry_id}/merge", status_code=201, response_model=Merge)
async def merge_entry(
    entry_id: EntryIdInPath,
    request: MergeRequest,
    registry: Services,
    caller: Caller,
    expected: ExpectedVersions,
    request_id: RequestIdentifier,
) -> Response:
    """Merge a duplicate into another entry: its id and handles lead there from now on."""
    merge = await registry.merges.merge(
        caller,
        entry_id,
        request.into,
        request.permissions,
        expected_versions=expected,
        request_id=request_id,
    )
    return json_answer(merge, 201, {"Location": f"{PREFIX}/merges/{merge.merge_id}"})


@router.get("/merges/{merge_id}", response_model=Merge)
async def get_merge(merge_id: UUID, registry: Services, caller: Caller) -> Response:
    """Read a merge."""
    return json_answer(await registry.merges.get(caller, merge_id))


@router.post("/merges/{merge_id}/undo", response_model=Merge)
async def undo_merge(
    merge_id: UUID, registry: Services, caller: Caller, request_id: RequestIdentifier
) -> Response:
    """Undo a merge: both entries are as before, and what came since stays where it is."""
    return json_answer(await registry.merges.undo(caller, merge_id, request_id=request_id))
