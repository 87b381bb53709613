"""Versions of entries: listed, read, compared, restored."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from hyper_registry.domain.entry import Entry
from hyper_registry.domain.entry_version import EntryDifference, EntryVersion, EntryVersionPage
from serve_app.answers import json_answer
from serve_app.dependencies import (
    Caller,
    EntryIdInPath,
    ExpectedVersions,
    RequestIdentifier,
    Services,
    VersionBefore,
    VersionInPath,
    VersionPageLimit,
)
from serve_app.entity_tags import entity_tag

router = APIRouter()


@router.get("/entries/{entry_id}/versions", response_model=EntryVersionPage)
async def list_versions(
    entry_id: EntryIdInPath,
    registry: Services,
    caller: Caller,
    before: VersionBefore = None,
    limit: VersionPageLimit = 50,
) -> Response:
    """Read the versions of an entry, deleted or not, newest first."""
    page = await registry.history.list_versions(caller, entry_id, before=before, limit=limit)
    return json_answer(page)


@router.get("/entries/{entry_id}/versions/diff", response_model=EntryDifference)
async def diff_versions(
    entry_id: EntryIdInPath,
    registry: Services,
    caller: Caller,
    from_version: Annotated[int, Query(alias="from", ge=1, le=2**62)],
    to_version: Annotated[int, Query(alias="to", ge=1, le=2**62)],
) -> Response:
    """Tell as an RFC 6902 patch what leads from one version to another."""
    return json_answer(await registry.history.diff(caller, entry_id, from_version, to_version))


@router.get("/entries/{entry_id}/versions/{version}", response_model=EntryVersion)
async def get_version(
    entry_id: EntryIdInPath, version: VersionInPath, registry: Services, caller: Caller
) -> Response:
    """Read one version of an entry."""
    found = await registry.history.get_version(caller, entry_id, version)
    return json_answer(found, headers={"ETag": entity_tag(found.version)})


@router.post("/entries/{entry_id}/versions/{version}/restore", response_model=Entry)
async def restore_version(
    entry_id: EntryIdInPath,
    version: VersionInPath,
    registry: Services,
    caller: Caller,
    expected: ExpectedVersions,
    request_id: RequestIdentifier,
) -> Response:
    """Give an entry the content of an earlier version, as a new version."""
    found = await registry.history.get_version(caller, entry_id, version)
    entry = await registry.entries.restore(
        caller, found, expected_versions=expected, request_id=request_id
    )
    return json_answer(entry, headers={"ETag": entity_tag(entry.version)})
