"""The statements that a connection sends."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg

from hyper_registry.storage.database import Connection, Database


@contextmanager
def counted_statements(connection: Connection) -> Iterator[list[str]]:
    """Gather the texts of all statements that `connection` sends inside the block."""
    sent: list[str] = []

    def note(record: asyncpg.connection.LoggedQuery) -> None:
        sent.append(record.query)

    with connection.query_logger(note):
        yield sent


@asynccontextmanager
async def sent_statements(database: Database) -> AsyncGenerator[list[str]]:
    """Gather what a pool of one connection sends inside the block."""
    sent: list[str] = []

    def note(record: asyncpg.connection.LoggedQuery) -> None:
        sent.append(record.query)

    async with database.connection() as connection:
        connection.add_query_logger(note)
    yield sent
    async with database.connection() as connection:
        connection.remove_query_logger(note)
