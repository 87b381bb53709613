"""Statements that only the owner of a database may execute: the application's roles may not."""

from hyper_registry.storage.database import connect


async def as_owner(dsn: str, *statements: str) -> None:
    """Execute statements one by one on a connection of the owner's."""
    connection = await connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
