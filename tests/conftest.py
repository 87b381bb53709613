"""Fixtures that every kind of test shares."""

from collections.abc import AsyncGenerator, Generator

import pytest

from hyper_registry.storage.database import Database
from hyper_registry.storage.embedded import EmbeddedPostgres
from hyper_registry.storage.migrate import migrate
from tests.support.postgres_server import (
    administer,
    cloned_database,
    remove_test_server,
    start_test_server,
)

TEMPLATE = "registry_template"


@pytest.fixture(scope="session")
def postgres() -> Generator[EmbeddedPostgres]:
    server = start_test_server()
    try:
        yield server
    finally:
        remove_test_server(server)


@pytest.fixture(scope="session")
async def template_database(postgres: EmbeddedPostgres) -> str:
    """A migrated database, cloned for each test."""
    await administer(postgres, f"create database {TEMPLATE}")
    await migrate(postgres.dsn(TEMPLATE))
    return TEMPLATE


@pytest.fixture
async def dsn(postgres: EmbeddedPostgres, template_database: str) -> AsyncGenerator[str]:
    """A migrated database of the test's own."""
    async with cloned_database(postgres, template_database) as address:
        yield address


@pytest.fixture
async def database(dsn: str) -> AsyncGenerator[Database]:
    """An open pool on a migrated database of the test's own."""
    opened = Database(dsn, min_size=1, max_size=10)
    await opened.open()
    yield opened
    await opened.close()
