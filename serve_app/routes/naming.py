"""Names of entries: found by handle, renamed, transferred to another namespace."""

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from hyper_registry.domain.entry import Entry
from hyper_registry.domain.handle import NamespaceName
from hyper_registry.domain.namespace import EntryNames, NamedEntry
from serve_app.answers import json_answer
from serve_app.dependencies import (
    Caller,
    EntryIdInPath,
    ExpectedVersions,
    IfNoneMatch,
    NameInPath,
    RequestIdentifier,
    Services,
)
from serve_app.deprecation import deprecation_headers
from serve_app.entity_tags import entity_tag, tagged_versions
from serve_app.locations import joined, location_headers

router = APIRouter()


class Renaming(BaseModel):
    """The name that an entry gets in its namespace."""

    model_config = ConfigDict(extra="forbid")

    name: NamespaceName


class Transfer(BaseModel):
    """The namespace that an entry goes to, and its name there if that is to be another."""

    model_config = ConfigDict(extra="forbid")

    namespace: NamespaceName
    name: NamespaceName | None = None


@router.get(
    "/handles/{namespace}/{name}",
    response_model=NamedEntry,
    responses={
        200: {
            "description": "The entry; `found_by.is_alias` tells that the name is an old one.",
            "headers": {
                "Content-Location": {
                    "description": "Where the entry is, whichever name it was asked for by.",
                    "schema": {"type": "string"},
                },
                "Link": {
                    "description": 'With an old name, `rel="canonical"` leads to the present one.',
                    "schema": {"type": "string"},
                },
            },
        },
        304: {"description": "If-None-Match names the present version"},
    },
)
async def get_entry_by_handle(
    namespace: NameInPath,
    name: NameInPath,
    registry: Services,
    caller: Caller,
    *,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Read the entry that has a handle, or had it; case and ways of writing do not matter."""
    entry = await registry.naming.get(caller, f"{namespace}/{name}")
    headers = {"ETag": entity_tag(entry.version)} | location_headers(entry)
    if if_none_match is not None:
        known = tagged_versions("If-None-Match", if_none_match)
        if known is None or entry.version in known:
            return Response(status_code=304, headers=headers)
    return json_answer(entry, headers=joined(headers, deprecation_headers(entry)))


@router.post("/entries/{entry_id}/rename", response_model=Entry)
async def rename_entry(
    entry_id: EntryIdInPath,
    renaming: Renaming,
    registry: Services,
    caller: Caller,
    expected: ExpectedVersions,
    request_id: RequestIdentifier,
) -> Response:
    """Give an entry another name in its namespace; the old one leads to it for ever."""
    entry = await registry.naming.rename(
        caller, entry_id, renaming.name, expected_versions=expected, request_id=request_id
    )
    return json_answer(entry, headers={"ETag": entity_tag(entry.version)})


@router.post("/entries/{entry_id}/transfer", response_model=Entry)
async def transfer_entry_to_namespace(
    entry_id: EntryIdInPath,
    transfer: Transfer,
    registry: Services,
    caller: Caller,
    expected: ExpectedVersions,
    request_id: RequestIdentifier,
) -> Response:
    """Take an entry to another namespace; the old handle leads to it for ever.

    The caller must be able to write in both namespaces. An entry without a handle gets one.
    """
    entry = await registry.naming.transfer(
        caller,
        entry_id,
        transfer.namespace,
        name=transfer.name,
        expected_versions=expected,
        request_id=request_id,
    )
    return json_answer(entry, headers={"ETag": entity_tag(entry.version)})


@router.get("/entries/{entry_id}/aliases", response_model=EntryNames)
async def list_entry_names(entry_id: EntryIdInPath, registry: Services, caller: Caller) -> Response:
    """Read all that leads to an entry: its handles, old ones too, and what was merged into it."""
    return json_answer(await registry.naming.list_names(caller, entry_id))
