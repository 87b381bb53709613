import asyncio
from uuid import uuid4

import asyncpg
import pytest

from hyper_registry.domain.category import Category
from hyper_registry.domain.errors.service import DatabaseUnavailableError, MigrationError
from hyper_registry.storage.embedded import EmbeddedPostgres
from hyper_registry.storage.migrate import all_migrations, migrate


@pytest.fixture
async def empty_dsn(postgres: EmbeddedPostgres):
    name = f"empty_{uuid4().hex}"
    connection = await asyncpg.connect(postgres.dsn("postgres"))
    await connection.execute(f"create database {name}")
    yield postgres.dsn(name)
    await connection.execute(f"drop database {name} with (force)")
    await connection.close()


async def test_processes_that_start_together_apply_each_migration_once(empty_dsn: str):
    runs = await asyncio.gather(*(migrate(empty_dsn) for _ in range(4)))
    names = [migration.name for migration in all_migrations()]
    assert sorted(runs, key=len) == [[], [], [], names]


async def test_a_changed_migration_is_refused(dsn: str):
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "update schema_migration set checksum = 'other' where name = '0002_create_entry'"
    )
    await connection.close()
    with pytest.raises(MigrationError, match="0002_create_entry: its text changed"):
        await migrate(dsn)


async def test_an_unreachable_server_is_named_without_its_password():
    with pytest.raises(DatabaseUnavailableError) as caught:
        await migrate("postgresql://registry:hidden@127.0.0.1:1/registry")
    assert "127.0.0.1:1/registry" in str(caught.value)
    assert "hidden" not in str(caught.value)


async def test_a_newer_database_is_refused(dsn: str):
    connection = await asyncpg.connect(dsn)
    await connection.execute("insert into schema_migration values ('9999_later', 'x')")
    await connection.close()
    with pytest.raises(MigrationError, match="newer than this code"):
        await migrate(dsn)


async def test_the_built_in_categories_are_seeded(dsn: str):
    connection = await asyncpg.connect(dsn)
    names = {row["name"] for row in await connection.fetch("select name from category")}
    await connection.close()
    assert names == {category.value for category in Category}
    assert len(names) == 26
