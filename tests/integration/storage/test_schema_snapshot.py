import asyncio

from hyper_registry.storage.schema_snapshot import SNAPSHOT, read_schema


async def test_the_snapshot_is_what_the_migrations_produce(dsn: str):
    # If this fails after a new migration: python -m hyper_registry.storage.schema_snapshot
    assert await asyncio.to_thread(read_schema, dsn) == SNAPSHOT.read_text()
