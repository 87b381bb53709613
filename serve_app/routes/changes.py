"""The change feed: page by page, waiting where there is nothing yet, or as server-sent events."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from hyper_registry.domain.change import ChangeFilter, ChangePage, ChangeSubject
from hyper_registry.domain.errors.access import PermissionDeniedError, UnauthenticatedError
from hyper_registry.registry import Registry
from serve_app.admission import admitted_again
from serve_app.answers import json_answer
from serve_app.dependencies import (
    Caller,
    DeploymentSettings,
    Services,
    require_storable,
)

_EVENT_STREAM = "text/event-stream"
# Proxies hold back what they buffer.
_STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

router = APIRouter()


async def _wanted(
    subject: Annotated[list[ChangeSubject] | None, Query()] = None,
    operation: Annotated[list[str] | None, Query()] = None,
    category: Annotated[list[str] | None, Query()] = None,
    entry_id: Annotated[
        str | None, Query(description="The entry itself, and the relationships at it.")
    ] = None,
) -> ChangeFilter:
    for value in operation or ():
        require_storable("operation", value)
    for value in category or ():
        require_storable("category", value)
    require_storable("entry_id", entry_id)
    return ChangeFilter(
        subjects=None if subject is None else frozenset(subject),
        operations=None if operation is None else frozenset(operation),
        categories=None if category is None else frozenset(category),
        entry_id=entry_id,
    )


@router.get(
    "/changes",
    response_model=ChangePage,
    responses={
        200: {
            "content": {_EVENT_STREAM: {"schema": {"type": "string"}}},
            "description": "A page, or with `Accept: text/event-stream` a stream of events.",
        }
    },
)
async def read_changes(
    request: Request,
    registry: Services,
    caller: Caller,
    settings: DeploymentSettings,
    wanted: Annotated[ChangeFilter, Depends(_wanted)],
    after: Annotated[
        str | None,
        Query(description="A cursor of an earlier answer, or `now`; none: from the beginning."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    wait_s: Annotated[
        float, Query(ge=0, le=60, description="Seconds to wait for the first change.")
    ] = 0,
    accept: Annotated[str, Header()] = "*/*",
    last_event_id: Annotated[
        str | None, Header(description="Sent by readers of the stream that connect again.")
    ] = None,
) -> Response:
    """Follow what happens to the entries and relationships that the caller may see.

    A page holds less than `limit` where no more can be read yet; `next_cursor` goes on after it.
    """
    if _EVENT_STREAM not in accept:
        page = await registry.changes.page(caller, after, wanted, limit=limit, wait_s=wait_s)
        return json_answer(page)
    # Read once without waiting: a cursor that is none is refused before the stream begins.
    first = await registry.changes.page(caller, last_event_id or after, wanted, limit=limit)
    stream = _events(
        request,
        registry,
        wanted,
        first,
        heartbeat_s=settings.events.heartbeat_s,
        stream_s=settings.events.stream_s,
    )
    return StreamingResponse(stream, headers=_STREAM_HEADERS, media_type=_EVENT_STREAM)


async def _events(
    request: Request,
    registry: Registry,
    wanted: ChangeFilter,
    page: ChangePage,
    *,
    heartbeat_s: float,
    stream_s: float,
) -> AsyncGenerator[bytes]:
    clock = asyncio.get_running_loop().time
    ends_at = clock() + stream_s
    yield _block(page)
    while clock() < ends_at:
        # A key that was revoked, or has other permissions by now, is noticed here.
        try:
            caller = await admitted_again(request)
        except (UnauthenticatedError, PermissionDeniedError):
            return
        page = await registry.changes.page(caller, page.next_cursor, wanted, wait_s=heartbeat_s)
        yield _block(page)


def _block(page: ChangePage) -> bytes:
    """Write events; without any, a comment that keeps the connection, and how far was read."""
    blocks = [
        f"id: {item.cursor}\nevent: {item.subject}.{item.operation}\n"
        f"data: {item.model_dump_json(exclude={'cursor'})}\n\n"
        for item in page.items
    ]
    return ("".join(blocks) or f": heartbeat\nid: {page.next_cursor}\n\n").encode()
