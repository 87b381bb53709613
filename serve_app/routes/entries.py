"""Entries: registered, read, replaced, deleted."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from hyper_registry.domain.entry import Entry, EntryDraft
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.factory import Registry
from serve_app.answers import json_answer
from serve_app.dependencies import (
    Caller,
    EmbeddingLimit,
    EntryIdInPath,
    ExpectedVersion,
    RequestIdentifier,
    Services,
)
from serve_app.deprecation import deprecation_headers
from serve_app.route_policies import PREFIX

router = APIRouter()


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
    entry = await _embedded(registry, entry, embedding_limit_s)
    return _answer(entry, 201, {"Location": f"{PREFIX}/entries/{entry.entry_id}"})


@router.get("/entries/{entry_id}", response_model=Entry)
async def get_entry(
    entry_id: EntryIdInPath,
    registry: Services,
    caller: Caller,
    request_id: RequestIdentifier,
    *,
    reveal: Annotated[
        bool, Query(description="Show sealed metadata in clear; for administrators, audited.")
    ] = False,
) -> Response:
    """Read an entry; a deprecated one tells so in `Deprecation`, `Sunset` and `Link`."""
    if reveal:
        entry = await registry.sensitive.reveal(caller, entry_id, request_id=request_id)
        headers = deprecation_headers(entry) | {"Cache-Control": "no-store"}
        return _answer(entry, headers=headers)
    entry = await registry.entries.get(caller, entry_id)
    return _answer(entry, headers=deprecation_headers(entry))


@router.put("/entries/{entry_id}", response_model=Entry)
async def replace_entry(
    entry_id: EntryIdInPath,
    draft: EntryDraft,
    registry: Services,
    caller: Caller,
    expected: ExpectedVersion,
    request_id: RequestIdentifier,
    embedding_limit_s: EmbeddingLimit,
) -> Response:
    """Replace what people write of an entry; with If-Match only at that version."""
    if draft.entry_id not in {None, entry_id}:
        raise InvalidFieldError(
            "entry_id", "differs from the id in the path", "Leave it out of the body."
        )
    entry = await registry.entries.replace(
        caller, entry_id, draft, expected_version=expected, request_id=request_id
    )
    return _answer(await _embedded(registry, entry, embedding_limit_s))


@router.delete("/entries/{entry_id}", status_code=204)
async def delete_entry(
    entry_id: EntryIdInPath,
    registry: Services,
    caller: Caller,
    expected: ExpectedVersion,
    request_id: RequestIdentifier,
) -> None:
    """Delete an entry; with If-Match only at that version."""
    await registry.entries.delete(
        caller, entry_id, expected_version=expected, request_id=request_id
    )


async def _embedded(registry: Registry, entry: Entry, limit_s: float | None) -> Entry:
    """Embed what was just written, if the caller waits for it."""
    if limit_s is None:
        return entry
    return await registry.backlog.embed_entry(entry, limit_s=limit_s)


def _answer(entry: Entry, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return json_answer(entry, status, {"ETag": f'"{entry.version}"', **(headers or {})})
