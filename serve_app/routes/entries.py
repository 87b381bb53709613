"""Entries: registered, read, replaced, deleted."""

from fastapi import APIRouter, Response

from hyper_registry.domain.entry import Entry, EntryDraft
from hyper_registry.domain.errors import InvalidFieldError
from serve_app.dependencies import PREFIX, Caller, EntryIdInPath, ExpectedVersion, Services

router = APIRouter()


@router.post("/entries", status_code=201)
async def register_entry(
    draft: EntryDraft, registry: Services, caller: Caller, response: Response
) -> Entry:
    """Register an entry."""
    entry = await registry.entries.register(caller, draft)
    response.headers["ETag"] = f'"{entry.version}"'
    response.headers["Location"] = f"{PREFIX}/entries/{entry.entry_id}"
    return entry


@router.get("/entries/{entry_id}")
async def get_entry(
    entry_id: EntryIdInPath, registry: Services, caller: Caller, response: Response
) -> Entry:
    """Read an entry."""
    entry = await registry.entries.get(caller, entry_id)
    response.headers["ETag"] = f'"{entry.version}"'
    return entry


@router.put("/entries/{entry_id}")
async def replace_entry(
    entry_id: EntryIdInPath,
    draft: EntryDraft,
    registry: Services,
    caller: Caller,
    expected: ExpectedVersion,
    response: Response,
) -> Entry:
    """Replace what people write of an entry; with If-Match only at that version."""
    if draft.entry_id not in {None, entry_id}:
        raise InvalidFieldError(
            "entry_id", "differs from the id in the path", "Leave it out of the body."
        )
    entry = await registry.entries.replace(caller, entry_id, draft, expected_version=expected)
    response.headers["ETag"] = f'"{entry.version}"'
    return entry


@router.delete("/entries/{entry_id}", status_code=204)
async def delete_entry(
    entry_id: EntryIdInPath, registry: Services, caller: Caller, expected: ExpectedVersion
) -> None:
    """Delete an entry; with If-Match only at that version."""
    await registry.entries.delete(caller, entry_id, expected_version=expected)
