"""Many entries at a time: registered together, exported as a stream."""

from collections.abc import AsyncGenerator
from typing import Annotated

import orjson
from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from hyper_registry.domain.errors.input import RequestTooLargeError
from serve_app.answers import json_answer
from serve_app.dependencies import (
    Caller,
    DeploymentSettings,
    EmbeddingLimit,
    RequestIdentifier,
    Services,
)

_EXPORT_PAGE = 500

router = APIRouter()


class BulkRequest(BaseModel):
    """Entries to register together."""

    model_config = ConfigDict(extra="forbid")

    entries: Annotated[list[JsonValue], Field(min_length=1)]
    atomic: bool = False


class BulkRejection(BaseModel):
    """A row that was not registered."""

    row: int
    code: str
    detail: str


class BulkAnswer(BaseModel):
    """Ids by row number from 1 on, and the rows that were refused.

    `embedded` says that the vectors of all registered rows are stored, which it can only where the
    request waited for them.
    """

    registered: dict[int, str]
    rejected: list[BulkRejection]
    embedded: bool


@router.post("/bulk/register", response_model=BulkAnswer)
async def bulk_register(
    body: BulkRequest,
    registry: Services,
    caller: Caller,
    settings: DeploymentSettings,
    request_id: RequestIdentifier,
    embedding_limit_s: EmbeddingLimit,
) -> Response:
    """Register many entries: all good ones, or with atomic=true all or none."""
    if len(body.entries) > settings.limits.bulk_rows:
        raise RequestTooLargeError("the number of rows", settings.limits.bulk_rows)
    outcome = await registry.bulk.register(
        caller, body.entries, atomic=body.atomic, request_id=request_id
    )
    embedded = False
    if embedding_limit_s is not None:
        ids = list(outcome.registered.values())
        done = await registry.backlog.embed_now(ids, limit_s=embedding_limit_s)
        embedded = done.issuperset(ids)
    return json_answer(
        BulkAnswer(
            registered=dict(outcome.registered),
            rejected=[
                BulkRejection(row=item.row, code=item.code, detail=item.message)
                for item in outcome.rejected
            ],
            embedded=embedded,
        )
    )


@router.get("/bulk/export", response_class=StreamingResponse)
async def bulk_export(registry: Services, caller: Caller) -> StreamingResponse:
    """Stream all entries that the caller may see as NDJSON, in the order of their ids."""

    async def lines() -> AsyncGenerator[bytes]:
        after = ""
        while page := await registry.entries.export_page(caller, after, _EXPORT_PAGE):
            for entry in page:
                yield orjson.dumps(entry.model_dump(mode="json", by_alias=True)) + b"\n"
            after = page[-1].entry_id

    return StreamingResponse(lines(), media_type="application/x-ndjson")
