"""The API in this process, on a database of the test's own, and a caller with a key."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from configs.settings import DatabaseSettings, LimitSettings, Settings
from hyper_registry.domain.principal import LOCAL_ADMIN, Role
from hyper_registry.registry import Registry
from serve_app.api import build_api


@asynccontextmanager
async def running_api(dsn: str, **sections: Any) -> AsyncGenerator[FastAPI]:
    settings = Settings(
        **{
            "database": DatabaseSettings(url=SecretStr(dsn), pool_min=1, pool_max=8),
            "limits": LimitSettings(body_bytes=100_000, bulk_rows=50, embed_texts=20),
            **sections,
        },
    )
    built = build_api(settings)
    async with built.router.lifespan_context(built):
        yield built


@asynccontextmanager
async def calling(
    app: FastAPI, name: str = "eve", role: Role = Role.EDITOR
) -> AsyncGenerator[httpx.AsyncClient]:
    registry: Registry = app.state.registry
    _, token = await registry.keys.create(LOCAL_ADMIN, name, role)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://registry",
        headers={"Authorization": f"Bearer {token}"},
    ) as opened:
        yield opened


@pytest.fixture
async def app(dsn: str) -> AsyncGenerator[FastAPI]:
    async with running_api(dsn) as built:
        yield built


@pytest.fixture
async def client(app: FastAPI) -> AsyncGenerator[httpx.AsyncClient]:
    async with calling(app) as opened:
        yield opened
