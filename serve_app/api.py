"""The HTTP API: routes that translate between HTTP and the services, and nothing else."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, cast

import orjson
from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.exceptions import HTTPException

from configs.settings import Settings
from hyper_registry.domain.entry import ComplianceStatus, Entry, EntryDraft, EntryStatus
from hyper_registry.domain.errors import (
    InvalidFieldError,
    RegistryError,
    RequestTooLargeError,
    UnauthenticatedError,
)
from hyper_registry.domain.principal import Principal
from hyper_registry.domain.relationship import (
    Direction,
    RelatedEntry,
    Relationship,
    RelationshipDraft,
)
from hyper_registry.domain.search import SearchAnswer, SearchFilters, SearchMode, SearchQuery
from hyper_registry.factory import Registry, open_registry
from serve_app.body_limit import BodyLimit
from serve_app.errors import http_problem, registry_problem, validation_problem

PREFIX = "/v1/registry"
_EXPORT_PAGE = 500


class RelationshipPage(BaseModel):
    """Some relationships of an entry; `next_after` continues, null ends."""

    items: list[RelatedEntry]
    next_after: int | None


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
    """Ids by row number from 1 on, and the rows that were refused."""

    registered: dict[int, str]
    rejected: list[BulkRejection]


class Health(BaseModel):
    """Whether the registry can answer."""

    status: str


_bearer = HTTPBearer(auto_error=False, description="An API key")


def _registry(request: Request) -> Registry:
    return cast("Registry", request.app.state.registry)


def _settings(request: Request) -> Settings:
    return cast("Settings", request.app.state.settings)


async def _principal(
    registry: Annotated[Registry, Depends(_registry)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Principal:
    if credentials is None:
        reason = "no API key was sent"
        raise UnauthenticatedError(reason)
    return await registry.keys.authenticate(credentials.credentials)


def _expected_version(if_match: Annotated[str | None, Header()] = None) -> int | None:
    if if_match is None or if_match == "*":
        return None
    version = if_match.removeprefix("W/").strip('"')
    if not version.isascii() or not version.isdigit() or len(version) > 18:
        raise InvalidFieldError(
            "If-Match", f"{if_match!r} is no ETag of an entry", "Send the ETag of the last read."
        )
    return int(version)


Services = Annotated[Registry, Depends(_registry)]
Caller = Annotated[Principal, Depends(_principal)]
ExpectedVersion = Annotated[int | None, Depends(_expected_version)]

public = APIRouter(prefix=PREFIX)
router = APIRouter(prefix=PREFIX)


@public.get("/health")
async def health(registry: Services) -> Health:
    """Tell whether Postgres answers."""
    async with registry.database.connection() as connection:
        await connection.fetchval("select 1")
    return Health(status="ok")


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
async def get_entry(entry_id: str, registry: Services, caller: Caller, response: Response) -> Entry:
    """Read an entry."""
    entry = await registry.entries.get(caller, _storable_id(entry_id))
    response.headers["ETag"] = f'"{entry.version}"'
    return entry


@router.put("/entries/{entry_id}")
async def replace_entry(
    entry_id: str,
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
    entry = await registry.entries.replace(
        caller, _storable_id(entry_id), draft, expected_version=expected
    )
    response.headers["ETag"] = f'"{entry.version}"'
    return entry


@router.delete("/entries/{entry_id}", status_code=204)
async def delete_entry(
    entry_id: str, registry: Services, caller: Caller, expected: ExpectedVersion
) -> None:
    """Delete an entry; with If-Match only at that version."""
    await registry.entries.delete(caller, _storable_id(entry_id), expected_version=expected)


@router.get("/search")
async def search(
    registry: Services,
    caller: Caller,
    q: str = "",
    mode: SearchMode = SearchMode.HYBRID,
    category: Annotated[list[str] | None, Query()] = None,
    status: Annotated[list[EntryStatus] | None, Query()] = None,
    owner: Annotated[list[str] | None, Query()] = None,
    tag: Annotated[list[str] | None, Query()] = None,
    compliance_status: Annotated[list[ComplianceStatus] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
) -> SearchAnswer:
    """Search by text, meaning and filters."""
    for field, values in {"q": [q], "category": category, "owner": owner, "tag": tag}.items():
        for value in values or ():
            _storable_query(field, value)
    filters = SearchFilters.model_validate(
        {
            "category": category,
            "status": status,
            "owner": owner,
            "tags": tag,
            "compliance_status": compliance_status,
        }
    )
    return await registry.search.search(
        caller, SearchQuery(query=q, filters=filters, mode=mode, limit=limit)
    )


@router.post("/relationships", status_code=201)
async def create_relationship(
    draft: RelationshipDraft, registry: Services, caller: Caller
) -> Relationship:
    """Relate two entries."""
    _storable_query("source_id", draft.source_id)
    _storable_query("target_id", draft.target_id)
    return await registry.relationships.create(caller, draft)


@router.get("/entries/{entry_id}/relationships")
async def list_relationships(
    entry_id: str,
    registry: Services,
    caller: Caller,
    direction: Direction = Direction.BOTH,
    rel_type: str | None = None,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> RelationshipPage:
    """Read the relationships of an entry, page by page."""
    if rel_type is not None:
        _storable_query("rel_type", rel_type)
    items = await registry.relationships.list_of(
        caller, _storable_id(entry_id), direction, rel_type=rel_type, after=after, limit=limit
    )
    last = items[-1].relationship.relationship_id if len(items) == limit else None
    return RelationshipPage(items=items, next_after=last)


@router.post("/bulk/register")
async def bulk_register(
    body: BulkRequest,
    registry: Services,
    caller: Caller,
    settings: Annotated[Settings, Depends(_settings)],
) -> BulkAnswer:
    """Register many entries: all good ones, or with atomic=true all or none."""
    if len(body.entries) > settings.limits.bulk_rows:
        raise RequestTooLargeError("the number of rows", settings.limits.bulk_rows)
    outcome = await registry.bulk.register(caller, body.entries, atomic=body.atomic)
    return BulkAnswer(
        registered=dict(outcome.registered),
        rejected=[
            BulkRejection(row=item.row, code=item.code, detail=item.message)
            for item in outcome.rejected
        ],
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


def build_api(settings: Settings) -> FastAPI:
    """Return the API, which opens a registry when it starts and closes it when it ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with open_registry(settings) as registry:
            app.state.registry = registry
            app.state.settings = settings
            embedding = asyncio.create_task(registry.backlog.keep_embedded())
            try:
                yield
            finally:
                embedding.cancel()
                await asyncio.gather(embedding, return_exceptions=True)

    app = FastAPI(
        title="Hyper Registry",
        version="1",
        lifespan=lifespan,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.include_router(public)
    app.include_router(router, dependencies=[Depends(_principal)])
    app.add_middleware(BodyLimit, limit_bytes=settings.limits.body_bytes)
    app.add_exception_handler(RegistryError, registry_problem)
    app.add_exception_handler(RequestValidationError, validation_problem)
    app.add_exception_handler(HTTPException, http_problem)
    return app


def _storable_id(entry_id: str) -> str:
    _storable_query("entry_id", entry_id)
    return entry_id


def _storable_query(field: str, value: str) -> None:
    if "\x00" in value:
        raise InvalidFieldError(field, "holds a NUL character", "Remove it.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidFieldError(
            field, "holds half a surrogate pair", "Send whole characters."
        ) from error
