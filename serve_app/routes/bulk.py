"""Many rows at a time: written together, exported as a stream."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from enum import StrEnum
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from configs.settings import Settings
from hyper_registry.catalog.bulk import RejectedRow
from hyper_registry.catalog.export import ExportFormat
from hyper_registry.catalog.sources.open_source import SourceKind, open_source
from hyper_registry.domain.errors.input import RequestTooLargeError, SourceUnavailableError
from hyper_registry.domain.identifiers import EntryId, RelationshipId
from serve_app.answers import json_answer
from serve_app.dependencies import (
    Caller,
    DeploymentSettings,
    EmbeddingLimit,
    RequestIdentifier,
    Services,
    require_storable,
)

_SHOWN_BAD_ROWS = 1_000
_MEDIA_TYPES = {
    ExportFormat.NDJSON: "application/x-ndjson",
    ExportFormat.CSV: "text/csv",
    ExportFormat.PARQUET: "application/vnd.apache.parquet",
}

router = APIRouter()


class BulkRequest(BaseModel):
    """Entries to register together."""

    model_config = ConfigDict(extra="forbid")

    # Rows are checked one by one, so that a bad one does not spoil the others.
    entries: Annotated[
        list[JsonValue],
        Field(
            min_length=1, json_schema_extra={"items": {"$ref": "#/components/schemas/EntryDraft"}}
        ),
    ]
    atomic: bool = False


class BulkRelationshipRequest(BaseModel):
    """Relationships to create together."""

    model_config = ConfigDict(extra="forbid")

    relationships: Annotated[list[JsonValue], Field(min_length=1)]
    atomic: bool = False


class BulkRejection(BaseModel):
    """A row that was not written."""

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


class BulkUpdateAnswer(BaseModel):
    """Ids of the updated by row number from 1 on, unchanged ones too, and the refused rows."""

    updated: dict[int, EntryId]
    rejected: list[BulkRejection]


class BulkDeletionAnswer(BaseModel):
    """Ids of the deleted by row number from 1 on, and the refused rows."""

    deleted: dict[int, EntryId]
    rejected: list[BulkRejection]


class BulkRelationshipAnswer(BaseModel):
    """Ids of the relationships by row number from 1 on, and the refused rows."""

    created: dict[int, RelationshipId]
    rejected: list[BulkRejection]


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
    _check_rows(body.entries, settings)
    outcome = await registry.bulk.register(
        caller, body.entries, atomic=body.atomic, request_id=request_id
    )
    embedded = False
    if embedding_limit_s is not None:
        ids = list(outcome.written.values())
        done = await registry.backlog.embed_now(ids, limit_s=embedding_limit_s)
        embedded = done.issuperset(ids)
    return json_answer(
        BulkAnswer(
            registered=dict(outcome.written),
            rejected=_rejections(outcome.rejected),
            embedded=embedded,
        )
    )


@router.post("/bulk/update", response_model=BulkUpdateAnswer)
async def bulk_update(
    body: BulkRequest,
    registry: Services,
    caller: Caller,
    settings: DeploymentSettings,
    request_id: RequestIdentifier,
) -> Response:
    """Replace many entries: all good rows, or with atomic=true all or none.

    Each row is a draft with its `entry_id`, and may have an `expected_version`.
    """
    _check_rows(body.entries, settings)
    outcome = await registry.bulk.update(
        caller, body.entries, atomic=body.atomic, request_id=request_id
    )
    return json_answer(
        BulkUpdateAnswer(updated=outcome.written, rejected=_rejections(outcome.rejected))
    )


@router.post("/bulk/delete", response_model=BulkDeletionAnswer)
async def bulk_delete(
    body: BulkRequest,
    registry: Services,
    caller: Caller,
    settings: DeploymentSettings,
    request_id: RequestIdentifier,
) -> Response:
    """Delete many entries: all good rows, or with atomic=true all or none.

    Each row is an object with `entry_id`, and may have an `expected_version`.
    """
    _check_rows(body.entries, settings)
    outcome = await registry.bulk.delete(
        caller, body.entries, atomic=body.atomic, request_id=request_id
    )
    return json_answer(
        BulkDeletionAnswer(deleted=outcome.written, rejected=_rejections(outcome.rejected))
    )


@router.post("/bulk/relationships", response_model=BulkRelationshipAnswer)
async def bulk_relate(
    body: BulkRelationshipRequest,
    registry: Services,
    caller: Caller,
    settings: DeploymentSettings,
    request_id: RequestIdentifier,
) -> Response:
    """Create many relationships: all good rows, or with atomic=true all or none."""
    _check_rows(body.relationships, settings)
    outcome = await registry.bulk.relate(
        caller, body.relationships, atomic=body.atomic, request_id=request_id
    )
    return json_answer(
        BulkRelationshipAnswer(created=outcome.written, rejected=_rejections(outcome.rejected))
    )


class ImportFormat(StrEnum):
    """The kinds of files that a body can be."""

    NDJSON = "ndjson"
    CSV = "csv"
    PARQUET = "parquet"


_SOURCES = {
    ImportFormat.NDJSON: SourceKind.JSONL,
    ImportFormat.CSV: SourceKind.CSV,
    ImportFormat.PARQUET: SourceKind.PARQUET,
}


class ImportFault(BaseModel):
    """A row that could not become an entry: its line or record number from 1 on, and why."""

    row: int
    reason: str


class ImportAnswer(BaseModel):
    """What became of a file's rows and links.

    `dangling` counts links to what does not exist or the caller may not see; `bad_rows` are the
    first of `bad_row_count`.
    """

    created: int
    updated: int
    unchanged: int
    related: int
    related_before: int
    dangling: int
    bad_row_count: int
    bad_rows: list[ImportFault]


@router.post(
    "/bulk/import",
    response_model=ImportAnswer,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                kind: {"schema": {"type": "string", "format": "binary"}}
                for kind in (*_MEDIA_TYPES.values(), "application/octet-stream")
            },
        }
    },
)
async def bulk_import(
    request: Request,
    registry: Services,
    caller: Caller,
    format: ImportFormat = ImportFormat.NDJSON,  # noqa: A002 (the parameter's name in the API)
) -> Response:
    """Register what is new in the body and replace what changed, then relate it.

    The body is one file, with `Content-Encoding: gzip` a compressed one of text. Good rows are
    written batch by batch; sending the same file again changes nothing.
    """
    caller.require_some_writing("import entries")
    gzipped = request.headers.get("Content-Encoding", "").lower() == "gzip"
    with NamedTemporaryFile(suffix=".gz" if gzipped else "") as file:
        async for part in request.stream():
            await asyncio.to_thread(file.write, part)
        file.flush()
        source = open_source(_SOURCES[format], Path(file.name))
        try:
            outcome = await registry.bulk.import_source(caller, source)
        except SourceUnavailableError as error:
            raise SourceUnavailableError("the body", error.reason, error.remedy) from error
    shown = outcome.bad_rows[:_SHOWN_BAD_ROWS]
    return json_answer(
        ImportAnswer(
            created=outcome.created,
            updated=outcome.updated,
            unchanged=outcome.unchanged,
            related=outcome.related,
            related_before=outcome.related_before,
            dangling=outcome.dangling,
            bad_row_count=len(outcome.bad_rows),
            bad_rows=[ImportFault(row=bad.row, reason=bad.reason) for bad in shown],
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


def _check_rows(rows: list[JsonValue], settings: Settings) -> None:
    if len(rows) > settings.limits.bulk_rows:
        raise RequestTooLargeError("the number of rows", settings.limits.bulk_rows)


def _rejections(rejected: list[RejectedRow]) -> list[BulkRejection]:
    return [BulkRejection(row=row.row, code=row.code, detail=row.message) for row in rejected]
