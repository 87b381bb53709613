"""Entries: registered, read, replaced, patched, deleted, brought back."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from hyper_registry.domain.entry import Entry, EntryDraft
from hyper_registry.domain.entry_version import DeletedEntry, EntryVersion
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.namespace import NamedEntry
from hyper_registry.registry import Registry
from serve_app.answers import json_answer
from serve_app.cursors import deletion_cursor, read_deletion_cursor
from serve_app.dependencies import (
    Caller,
    EmbeddingLimit,
    EntryIdInPath,
    ExpectedVersions,
    IfNoneMatch,
    MergePatch,
    Moment,
    PageLimit,
    RequestIdentifier,
    Services,
)
from serve_app.deprecation import deprecation_headers
from serve_app.entity_tags import entity_tag, tagged_versions
from serve_app.locations import joined, location_headers
from serve_app.route_policies import PREFIX

router = APIRouter()


class DeletedEntryPage(BaseModel):
    """Deleted entries, the latest deletion first; `next_after` continues, null ends."""

    items: list[DeletedEntry]
    next_after: str | None


@router.post("/entries", status_code=201, response_model=Entry)
async def register_entry(
    draft: EntryDraft,
    registry: Services,
    caller: Caller,
    request_id: RequestIdentifier,
    embedding_limit_s: EmbeddingLimit,
) -> Response:
    """Register an entry."""
    entry = await registry.entries.register(caller, draft, request_id=request_id)
    return await _created(registry, entry, embedding_limit_s)


@router.get(
    "/entries/{entry_id}",
    response_model=Entry | EntryVersion | NamedEntry,
    responses={304: {"description": "If-None-Match names the present version"}},
)
async def get_entry(
    entry_id: EntryIdInPath,
    registry: Services,
    caller: Caller,
    request_id: RequestIdentifier,
    *,
    if_none_match: IfNoneMatch = None,
    as_of: Moment = None,
    reveal: Annotated[
        bool, Query(description="Show sealed metadata in clear; for administrators, audited.")
    ] = False,
) -> Response:
    """Read an entry, or with `as_of` the version that it was at.

    A deprecated one tells so in `Deprecation`, `Sunset` and `Link`. The id of an entry that was
    merged gives the one it was merged into, which tells so in `found_by`, `Content-Location` and
    `Link`.
    """
    if reveal:
        if as_of is not None:
            raise InvalidFieldError("reveal", "shows the present version", "Leave 'as_of' out.")
        entry = await registry.sensitive.reveal(caller, entry_id, request_id=request_id)
        headers = deprecation_headers(entry) | {"Cache-Control": "no-store"}
        return _answer(entry, headers=headers)
    if as_of is None:
        entry = await registry.naming.get_by_id(caller, entry_id)
    else:
        entry = await registry.history.get_as_of(caller, entry_id, as_of)
    if if_none_match is not None:
        known = tagged_versions("If-None-Match", if_none_match)
        if known is None or entry.version in known:
            return Response(status_code=304, headers={"ETag": entity_tag(entry.version)})
    headers = deprecation_headers(entry)
    if isinstance(entry, NamedEntry):
        headers = joined(location_headers(entry), headers)
    return _answer(entry, headers=headers)


@router.put(
    "/entries/{entry_id}",
    response_model=Entry,
    responses={
        201: {"model": Entry, "description": "Created, with If-None-Match: *"},
        412: {"description": "At none of the versions of If-Match; ETag tells the present one"},
    },
)
async def replace_entry(
    entry_id: EntryIdInPath,
    draft: EntryDraft,
    registry: Services,
    caller: Caller,
    expected: ExpectedVersions,
    request_id: RequestIdentifier,
    embedding_limit_s: EmbeddingLimit,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Replace what people write of an entry; with If-None-Match: * create it and only create it."""
    if draft.entry_id not in {None, entry_id}:
        raise InvalidFieldError(
            "entry_id", "differs from the id in the path", "Leave it out of the body."
        )
    if if_none_match is not None:
        if tagged_versions("If-None-Match", if_none_match) is not None:
            raise InvalidFieldError("If-None-Match", "names versions", "Send * or If-Match.")
        entry = await registry.entries.create(caller, entry_id, draft, request_id=request_id)
        return await _created(registry, entry, embedding_limit_s)
    entry = await registry.entries.replace(
        caller, entry_id, draft, expected_versions=expected, request_id=request_id
    )
    return _answer(await _embedded(registry, entry, embedding_limit_s))


@router.patch("/entries/{entry_id}", response_model=Entry)
async def patch_entry(
    entry_id: EntryIdInPath,
    patch: MergePatch,
    registry: Services,
    caller: Caller,
    expected: ExpectedVersions,
    request_id: RequestIdentifier,
    embedding_limit_s: EmbeddingLimit,
) -> Response:
    """Change what an RFC 7386 merge patch names; the result is validated as a whole."""
    entry = await registry.entries.patch(
        caller, entry_id, patch, expected_versions=expected, request_id=request_id
    )
    return _answer(await _embedded(registry, entry, embedding_limit_s))


@router.delete("/entries/{entry_id}", status_code=204)
async def delete_entry(
    entry_id: EntryIdInPath,
    registry: Services,
    caller: Caller,
    expected: ExpectedVersions,
    request_id: RequestIdentifier,
) -> None:
    """Delete an entry; it can be undeleted until it is purged."""
    await registry.entries.delete(
        caller, entry_id, expected_versions=expected, request_id=request_id
    )


@router.post("/entries/{entry_id}/undelete", response_model=Entry)
async def undelete_entry(
    entry_id: EntryIdInPath,
    registry: Services,
    caller: Caller,
    expected: ExpectedVersions,
    request_id: RequestIdentifier,
) -> Response:
    """Let a deleted entry live again as it was, with its relationships."""
    return _answer(
        await registry.entries.undelete(
            caller, entry_id, expected_versions=expected, request_id=request_id
        )
    )


@router.get("/deleted-entries", response_model=DeletedEntryPage)
async def list_deleted_entries(
    registry: Services, caller: Caller, after: str | None = None, limit: PageLimit = 100
) -> Response:
    """Read deleted entries that the caller could see, page by page."""
    items = await registry.entries.list_deleted(
        caller, after=None if after is None else read_deletion_cursor(after), limit=limit
    )
    last = deletion_cursor(items[-1]) if len(items) == limit else None
    return json_answer(DeletedEntryPage(items=items, next_after=last))


async def _embedded(registry: Registry, entry: Entry, limit_s: float | None) -> Entry:
    """Embed what was just written, if the caller waits for it."""
    if limit_s is None:
        return entry
    return await registry.backlog.embed_entry(entry, limit_s=limit_s)


async def _created(registry: Registry, entry: Entry, limit_s: float | None) -> Response:
    location = {"Location": f"{PREFIX}/entries/{entry.entry_id}"}
    return _answer(await _embedded(registry, entry, limit_s), 201, location)


def _answer(
    entry: Entry | EntryVersion, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    return json_answer(entry, status, {"ETag": entity_tag(entry.version), **(headers or {})})
