"""Many entries at a time: registered together, exported as a stream."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from hyper_registry.catalog.export import ExportFormat
from hyper_registry.domain.errors.input import RequestTooLargeError
from serve_app.answers import json_answer
from serve_app.dependencies import (
    Caller,
    DeploymentSettings,
    EmbeddingLimit,
    RequestIdentifier,
    Services,
    require_storable,
)

_MEDIA_TYPES = {
    ExportFormat.NDJSON: "application/x-ndjson",
    ExportFormat.CSV: "text/csv",
    ExportFormat.PARQUET: "application/vnd.apache.parquet",
}

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


@router.get(
    "/bulk/export",
    response_class=StreamingResponse,
    responses={200: {"content": {kind: {} for kind in _MEDIA_TYPES.values()}}},
)
async def bulk_export(
    registry: Services,
    caller: Caller,
    format: ExportFormat = ExportFormat.NDJSON,  # noqa: A002 (the parameter's name in the API)
    category: Annotated[list[str] | None, Query()] = None,
    relationships: Annotated[  # noqa: FBT002 (a query parameter)
        bool, Query(description="Whether each entry brings the relationships that start at it.")
    ] = False,
) -> StreamingResponse:
    """Stream all entries that the caller may see, as of one moment, in the order they came.

    An import reads the file back. A stream that breaks off early ends without its last chunk.
    """
    for name in category or ():
        require_storable("category", name)
    stream = registry.exports.stream(caller, format, categories=category, links=relationships)
    return StreamingResponse(
        await _begun(stream),
        media_type=_MEDIA_TYPES[format],
        headers={"Content-Disposition": f'attachment; filename="entries.{format.value}"'},
    )


async def _begun(stream: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Return a stream once it has its first bytes: what fails before is answered as a problem."""
    first = await anext(stream)

    async def whole() -> AsyncGenerator[bytes]:
        async with aclosing(stream):
            yield first
            async for part in stream:
                yield part

    return whole()
