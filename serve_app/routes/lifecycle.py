"""The life of entries: handed to another owner, listed past their sunset."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict

from hyper_registry.domain.entry import Entry
from hyper_registry.domain.errors.input import InvalidQueryError
from hyper_registry.domain.lifecycle import SunsetEntry, instant_text
from hyper_registry.domain.text import Line
from serve_app.answers import json_answer
from serve_app.dependencies import (
    Caller,
    EntryIdInPath,
    ExpectedVersions,
    RequestIdentifier,
    Services,
    require_storable,
)

router = APIRouter()


class OwnerTransfer(BaseModel):
    """To whom an entry goes, and why."""

    model_config = ConfigDict(extra="forbid")

    owner: Line
    note: Line | None = None


class SunsetPage(BaseModel):
    """Some entries past their sunset, the oldest first; `next_cursor` continues, null ends."""

    items: list[SunsetEntry]
    next_cursor: str | None


@router.post("/entries/{entry_id}/owner", response_model=Entry)
async def transfer_entry(
    entry_id: EntryIdInPath,
    transfer: OwnerTransfer,
    registry: Services,
    caller: Caller,
    expected: ExpectedVersions,
    request_id: RequestIdentifier,
) -> Response:
    """Give an entry to another owner; with If-Match only at that version."""
    entry = await registry.lifecycle.transfer(
        caller,
        entry_id,
        transfer.owner,
        note=transfer.note,
        expected_versions=expected,
        request_id=request_id,
    )
    return json_answer(entry, headers={"ETag": f'"{entry.version}"'})


@router.get("/lifecycle/sunset", response_model=SunsetPage)
async def list_past_sunset(
    registry: Services,
    caller: Caller,
    before: Annotated[AwareDatetime | None, Query(description="By default now.")] = None,
    owner: str | None = None,
    cursor: Annotated[str | None, Query(max_length=1_000)] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> Response:
    """List entries whose sunset has passed, page by page."""
    require_storable("owner", owner)
    items = await registry.lifecycle.past_sunset(
        caller, before or datetime.now(UTC), _position(cursor), owner=owner, limit=limit
    )
    return json_answer(
        SunsetPage(items=items, next_cursor=_cursor(items[-1]) if len(items) == limit else None)
    )


def _cursor(entry: SunsetEntry) -> str:
    assert entry.deprecation.sunset is not None
    position = f"{instant_text(entry.deprecation.sunset)} {entry.entry_id}"
    return base64.urlsafe_b64encode(position.encode()).decode()


def _position(cursor: str | None) -> tuple[str, str]:
    if cursor is None:
        return "", ""
    try:
        sunset, entry_id = base64.urlsafe_b64decode(cursor).decode().split(" ")
    except (binascii.Error, ValueError) as error:
        raise InvalidQueryError(
            "cursor", "is not one that a page gave", "Send 'next_cursor' of the last page."
        ) from error
    require_storable("cursor", entry_id)
    return sunset, entry_id
