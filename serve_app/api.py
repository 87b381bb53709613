"""The HTTP API: its routes, and what opens and closes with the application."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from configs.settings import Settings
from hyper_registry.domain.errors import RegistryError
from hyper_registry.factory import open_registry
from serve_app.body_limit import BodyLimit
from serve_app.dependencies import PREFIX, authenticated
from serve_app.errors import http_problem, registry_problem, validation_problem
from serve_app.routes import analytics, bulk, entries, graph, health, relationships, search

_AUTHENTICATED = (
    entries.router,
    search.router,
    relationships.router,
    graph.router,
    analytics.router,
    bulk.router,
)


def build_api(settings: Settings) -> FastAPI:
    """Return the API, which opens a registry when it starts and closes it when it ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with open_registry(settings) as registry:
            app.state.registry = registry
            app.state.settings = settings
            kept = (
                registry.backlog.keep_embedded(),
                registry.index.keep_current(interval_s=settings.index.refresh_interval_s),
            )
            background = [asyncio.create_task(work) for work in kept]
            try:
                yield
            finally:
                for task in background:
                    task.cancel()
                await asyncio.gather(*background, return_exceptions=True)

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
        app.include_router(router, prefix=PREFIX, dependencies=[Depends(authenticated)])
    app.add_middleware(BodyLimit, limit_bytes=settings.limits.body_bytes)
    app.add_exception_handler(RegistryError, registry_problem)
    app.add_exception_handler(RequestValidationError, validation_problem)
    app.add_exception_handler(HTTPException, http_problem)
    return app
