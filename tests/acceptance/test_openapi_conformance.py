"""Every route answers what the OpenAPI document says, whatever is sent to it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import schemathesis
import uvicorn
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import one_of
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from configs.settings import Settings
from hyper_registry.domain.principal import LOCAL_ADMIN, Role
from serve_app.api import build_api
from serve_app.route_policies import PREFIX
from tests.acceptance.conftest import running_api
from tests.support.waiting import until

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 20
HEALTH = f"{PREFIX}/health"
"""The one route that takes nothing, so that nothing can be wrong."""
DOCUMENT = build_api(Settings()).openapi()
OPERATIONS = sorted(
    (method, path) for path, operations in DOCUMENT["paths"].items() for method in operations
)


@dataclass(frozen=True)
class Served:
    url: str
    token: str


@asynccontextmanager
async def _listening(app: FastAPI) -> AsyncGenerator[str]:
    """Serve an application whose lifespan is open already on a free port."""
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, lifespan="off", log_level="critical", loop="none")
    )
    serving = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await until(started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


@pytest.fixture
async def served(dsn: str) -> AsyncGenerator[Served]:
    async with running_api(dsn) as app:
        _, token = await app.state.registry.keys.create(LOCAL_ADMIN, "ada", Role.ADMIN)
        async with _listening(app) as url:
            yield Served(url, token)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_answers_are_those_of_the_document(method: str, path: str, served: Served):
    operation = schemathesis.openapi.from_dict(DOCUMENT)[path][method]
    statuses: set[int] = set()

    valid = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    invalid = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)

    @given(case=one_of(valid, invalid) if path != HEALTH else valid)
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.filter_too_much,
            HealthCheck.data_too_large,
        ],
    )
    def conforms(case: schemathesis.Case) -> None:
        # Waiting for what does not come is not what is tried here.
        for name in ("wait_s", "wait"):
            (case.query or {}).pop(name, None)
        answer = case.call(
            base_url=served.url, headers={"Authorization": f"Bearer {served.token}"}, timeout=30
        )
        statuses.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    await asyncio.to_thread(conforms)
    assert statuses
