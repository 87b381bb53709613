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


async def test_versions_written_as_documents_are_kept_as_superseded_versions(
    empty_dsn: str, monkeypatch: pytest.MonkeyPatch
):
    known = all_migrations()
    earlier = [migration for migration in known if migration.name < "0010"]
    with monkeypatch.context() as patched:
        patched.setattr("hyper_registry.storage.migrate.all_migrations", lambda: earlier)
        await migrate(empty_dsn)
    connection = await asyncpg.connect(empty_dsn)
    try:
        await connection.execute(OLD_ROWS)
        await migrate(empty_dsn)
        versions = await connection.fetch(
            "select version, title, tags, readers, granted, checksum, actor, deleted,"
            " superseded_at > valid_from as later from entry_version order by version"
        )
        relationship = await connection.fetchrow(
            "select relationship_id, updated_by from relationship"
        )
    finally:
        await connection.close()
    assert [tuple(row) for row in versions] == [
        (1, "First", ["x"], ["group:g", "user:o"], ["group:g"], b"one", "ann", False, True),
        (2, "Second", [], ["*"], [], b"two", "bob", False, True),
        (3, "Second", [], ["*"], [], b"two", "cec", True, True),
    ]
    assert relationship is not None
    assert relationship["relationship_id"].version == 7


OLD_ROWS = """
insert into entry (entry_id, category, title, description, status, tags, metadata,
    compliance_status, visibility, granted, readers, checksum, embedding_input_hash, version,
    created_by, updated_by)
select name, 'agent', 'Fourth', '', 'active', '{}', '{}', 'unknown', 'internal', '{}', '{*}',
    'four', '', case name when 'a' then 4 else 1 end, 'ann', 'dee'
from unnest('{a,b}'::text[]) as name;
insert into entry_version (entry_key, version, operation, document, actor, changed_at)
select e.entry_key, v.version, v.operation, v.document, v.actor,
    '2026-01-01'::timestamptz + v.version * interval '1 hour'
from entry e
join (values
    ('a', 1, 'create', jsonb_build_object('title', 'First', 'owner', 'o', 'tags', '["x"]'::jsonb,
        'security', '{"visibility": "private", "readers": ["group:g"]}'::jsonb), 'ann'),
    ('a', 2, 'update', jsonb_build_object('title', 'Second', 'owner', null, 'tags', '[]'::jsonb,
        'security', '{"visibility": "internal", "readers": []}'::jsonb), 'bob'),
    ('a', 3, 'delete', '{}', 'cec'),
    ('a', 4, 'create', '{}', 'dee'),
    ('b', 1, 'create', '{}', 'ann')
) as v(entry_id, version, operation, document, actor) on v.entry_id = e.entry_id;
update entry_version set document = document || '{"category": "agent", "description": "",
    "status": "active", "metadata": {}, "compliance_status": "unknown"}'::jsonb
where operation <> 'delete';
insert into audit (actor, action, target, outcome, after_hash, occurred_at)
values ('ann', 'entry.create', 'a', 'ok', 'one', '2026-01-01 01:00'),
    ('bob', 'entry.update', 'a', 'ok', 'two', '2026-01-01 02:00');
insert into relationship_type (name) values ('calls');
insert into relationship (source_key, target_key, type_id, bidirectional, weight, created_by,
    metadata) values (1, 2, 1, false, 1, 'ann', '{}');
"""
