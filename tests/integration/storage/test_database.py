"""What becomes of a connection that Postgres gave up."""

import struct
from typing import Any

import pytest

from hyper_registry.domain.errors.service import DatabaseUnavailableError
from hyper_registry.storage.database import Database

_FIELDS = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0"
_LAST_WORD = b"E" + struct.pack("!i", len(_FIELDS) + 4) + _FIELDS


async def test_who_uses_a_connection_after_postgres_said_its_last_word_is_told_so(dsn: str):
    database = Database(dsn, min_size=1, max_size=1)
    await database.open()
    try:
        with pytest.raises(DatabaseUnavailableError, match=r"Postgres at 127\.0\.0\.1"):
            await _use_after_the_last_word(database)
        async with database.connection() as connection:
            assert await connection.fetchval("select 1") == 1
    finally:
        await database.close()


async def _use_after_the_last_word(database: Database) -> None:
    async with database.connection() as connection:
        held: Any = connection
        # As it is read from the socket before the socket's end is.
        held._con._protocol.data_received(_LAST_WORD)
        await connection.execute("select")
