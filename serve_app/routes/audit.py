"""The audit log: listed, exported as a stream and verified, for administrators."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from hyper_registry.domain.audit import (
    AuditFilter,
    AuditPage,
    AuditRecord,
    AuditReport,
    Outcome,
    parse_seal,
)
from serve_app.answers import json_answer
from serve_app.dependencies import Caller, Services, require_storable

router = APIRouter(prefix="/audit")


async def _wanted(
    actor: str | None = None,
    action: str | None = None,
    target: str | None = None,
    outcome: Outcome | None = None,
    since: Annotated[AwareDatetime | None, Query(description="First time included.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="First time not included.")] = None,
) -> AuditFilter:
    for field, value in (("actor", actor), ("action", action), ("target", target)):
        require_storable(field, value)
    return AuditFilter(
        actor=actor, action=action, target=target, outcome=outcome, since=since, until=until
    )


Wanted = Annotated[AuditFilter, Depends(_wanted)]


@router.get("", response_model=AuditPage)
async def list_audit(
    registry: Services,
    caller: Caller,
    wanted: Wanted,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> Response:
    """Read the audit log, newest first, page by page."""
    return json_answer(await registry.audit.page(caller, wanted, before, limit))


@router.get("/export", response_class=StreamingResponse)
async def export_audit(registry: Services, caller: Caller, wanted: Wanted) -> StreamingResponse:
    """Stream the audit log as NDJSON, in the order in which it is sealed."""
    pages = registry.audit.export(caller, wanted)
    # The first page is read here, so that a refusal is still answered as one.
    first = await anext(pages, None)

    async def lines() -> AsyncGenerator[bytes]:
        async with aclosing(pages):
            page = first
            while page is not None:
                yield b"".join(_line(record) for record in page)
                page = await anext(pages, None)

    return StreamingResponse(lines(), media_type="application/x-ndjson")


@router.get("/verify", response_model=AuditReport)
async def verify_audit(
    registry: Services,
    caller: Caller,
    expect: Annotated[
        str | None,
        Query(description="A seal noted earlier, hexadecimal, that must be in the log."),
    ] = None,
) -> Response:
    """Verify the audit log against its seals: any tampering is listed in `faults`."""
    return json_answer(await registry.audit.verify(caller, parse_seal(expect)))


def _line(record: AuditRecord) -> bytes:
    return orjson.dumps(record.model_dump(mode="json")) + b"\n"
