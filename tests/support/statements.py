"""The statements that a connection sends."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from hyper_registry.storage.database import Connection


@contextmanager
def counted_statements(connection: Connection) -> Iterator[list[str]]:
    """Gather the texts of all statements that `connection` sends inside the block."""
    sent: list[str] = []

    def note(record: asyncpg.connection.LoggedQuery) -> None:
        sent.append(record.query)

    with connection.query_logger(note):
        yield sent
