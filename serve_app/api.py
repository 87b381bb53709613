"""The HTTP API: its routes, and what opens and closes with the application."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from configs.settings import Settings
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.factory import Models, open_registry
from serve_app.admission import Admission
from serve_app.body_limit import BodyLimit
from serve_app.deadline import Deadline
from serve_app.errors import (
    http_problem,
    registry_problem,
    unexpected_problem,
    validation_problem,
)
from serve_app.idempotency import Idempotency
from serve_app.openapi import document_problems
from serve_app.recording import ReadRecording, recorded
from serve_app.request_id import RequestId
from serve_app.route_policies import PREFIX
from serve_app.routes import (
    ai,
    analytics,
    audit,
    bulk,
    categories,
    changes,
    compliance,
    duplicates,
    entries,
    erasures,
    graph,
    health,
    history,
    keys,
    lifecycle,
    merges,
    namespaces,
    naming,
    relationship_types,
    relationships,
    reviews,
    roles,
    search,
    webhooks,
)

# Each of their routes takes a `Caller` and has its scope in the route policies; tests try them all.
_AUTHENTICATED = (
    compliance.router,
    reviews.router,
    entries.router,
    history.router,
    search.router,
    relationships.router,
    graph.router,
    analytics.router,
    bulk.router,
    ai.router,
    audit.router,
    changes.router,
    webhooks.router,
    keys.router,
    roles.router,
    categories.router,
    relationship_types.router,
    lifecycle.router,
    erasures.router,
    naming.router,
    namespaces.router,
    merges.router,
    duplicates.router,
)


def build_api(
    settings: Settings,
    connect_models: Callable[[], Awaitable[Models]] | None = None,
    *,
    echo_request_id: bool = True,
) -> FastAPI:
    """Return the API, which opens a registry when it starts and closes it when it ends.

    Parameters
    ----------
    connect_models
        Gives models that run elsewhere; None loads them into this process.
    echo_request_id
        Whether to tell the request's id in the answer; false where the server in front does so.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        models = None if connect_models is None else await connect_models()
        async with open_registry(settings, models) as registry:
            app.state.registry = registry
            app.state.settings = settings
            background = asyncio.create_task(registry.keep_current())
            try:
                yield
            finally:
                background.cancel()
                await asyncio.gather(background, return_exceptions=True)

    app = FastAPI(
        title="Hyper Registry",
        version="1",
        lifespan=lifespan,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.include_router(health.router, prefix=PREFIX)
    for router in _AUTHENTICATED:
        app.include_router(router, prefix=PREFIX)
    document_problems(app)
    # The last one added is the first to see a request.
    streamed = {f"{PREFIX}/bulk/import": settings.limits.import_bytes}
    # An erasure is one transaction over all tables, or nothing.
    unlimited = {*streamed, f"{PREFIX}/erasures"}
    app.add_middleware(Idempotency)
    app.add_middleware(Deadline, limit_s=settings.requests.deadline_s, unlimited=unlimited)
    app.add_middleware(
        BodyLimit,
        limit_bytes=settings.limits.body_bytes,
        streamed=streamed,
        limit_s=settings.requests.body_s,
    )
    app.add_middleware(Admission, proxies=settings.requests.proxies)
    if settings.audit.reads:
        app.add_middleware(ReadRecording)
    app.add_middleware(RequestId, echo=echo_request_id)
    app.add_exception_handler(RegistryError, recorded(registry_problem))
    app.add_exception_handler(RequestValidationError, recorded(validation_problem))
    app.add_exception_handler(HTTPException, recorded(http_problem))
    app.add_exception_handler(Exception, unexpected_problem)
    return app
