import re
from datetime import UTC, datetime
from importlib.resources import files
from uuid import UUID

import asyncpg
import pytest

from hyper_registry.storage.queries import load_queries

PACKAGE = files("hyper_registry.storage")
STORES = sorted(
    item.name.removesuffix(".sql") for item in (PACKAGE / "sql").iterdir() if item.is_file()
)

# A snapshot later than all that is populated.
NOW = "1000000000:1000000000:"

# Enough rows, with statistics, that the planner chooses as it would in a real registry.
POPULATE = """
insert into entry (entry_id, category, title, description, status, tags, metadata,
    compliance_status, visibility, granted, readers, checksum, embedding_input_hash,
    created_by, updated_by)
select 'e' || n, 'agent', 'Title ' || n, '', 'active', '{}', '{}', 'unknown', 'internal', '{}',
    '{*}', '', '', 't', 't'
from generate_series(1, 3000) n;
insert into entry_embedding (entry_key, model_id, input_hash, vector)
select entry_key, 'm', '', array_fill(0.05::real, '{384}')::halfvec from entry;
insert into relationship_type (name) values ('calls');
insert into relationship (source_key, target_key, type_id, bidirectional, weight, created_by,
    metadata)
select n, n + step, 1, false, 1, 't', '{}'
from generate_series(1, 2900) n, generate_series(1, 3) step;
update entry set
    title = title || '!', version = version + 1, updated_at = updated_at + interval '1 s';
update entry set deleted_at = now(), version = version + 1 where entry_key > 2900;
update relationship set weight = 2, version = version + 1, updated_at = now();
insert into change (subject, subject_key, subject_id, operation, version, actor)
select 'entry', n, 'e' || n, 'create', 1, 't' from generate_series(1, 3000) n;
insert into audit (actor, action, outcome) select 'a', 'b', 'ok' from generate_series(1, 3000) n;
insert into api_key (key_id, name, role, groups, secret_hash, created_by)
select 'k' || n, 'n', 'viewer', '{}', '', 't' from generate_series(1, 3000) n;
analyze;
"""

_VECTOR = f"[{','.join(['0.05'] * 384)}]"
_WINDOW = (0, 1 << 60, 10, 2_000, 100, ["*"], None, None, None, None, 10)
_ID = UUID(int=7)
_THEN = datetime(2026, 1, 1, tzinfo=UTC)
_AS_OF = (1, ["*"], None, None, 9, _THEN, "both")
_VERIFIED = (_VECTOR, ["*"], *[None] * 5, 10, "m", 1 << 60, list(range(1, 100)))


@pytest.mark.parametrize("store", STORES)
async def test_every_query_prepares_on_the_migrated_database(store: str, dsn: str):
    connection = await asyncpg.connect(dsn)
    try:
        for text in load_queries(store).values():
            statement = await connection.prepare(text)
            numbers = {int(n) for n in re.findall(r"\$(\d+)", text)}
            assert len(statement.get_parameters()) == len(numbers)
    finally:
        await connection.close()


@pytest.mark.parametrize("store", STORES)
def test_every_query_is_used_by_its_store(store: str):
    names = {"journal": "journal_store", "api_key": "key_store"}
    source = (PACKAGE / f"{names.get(store, f'{store}_store')}.py").read_text()
    unused = [name for name in load_queries(store) if f'_SQL["{name}"]' not in source]
    assert unused == []


@pytest.mark.parametrize(
    ("store", "query", "arguments", "index"),
    [
        ("entry", "fetch_entry", ("e", ["*"], "m"), "entry_entry_id_key"),
        ("entry", "lock_entry", ("e", ["*"], False), "entry_entry_id_key"),
        ("relationship", "fetch_outgoing", (1, ["*"], None, None, 10), "relationship_source"),
        ("relationship", "fetch_incoming", (1, ["*"], None, None, 10), "relationship_target"),
        ("change_feed", "read_window", _WINDOW, "change_pkey"),
        ("change_feed", "open_window", (1 << 60,), "change_position"),
        ("change_feed", "fetch_snapshot", (1 << 60,), "change_position"),
        ("audit", "fetch_unsealed", (1 << 60, 0, 500), "audit_position"),
        ("api_key", "fetch_secret", ("k",), "api_key_pkey"),
        ("relationship", "fetch_relationship", (_ID, ["*"]), "relationship_public_id"),
        ("relationship", "list_versions", (_ID, ["*"], None, 9), "relationship_history_public_id"),
        ("relationship", "fetch_as_of", _AS_OF, "relationship_source"),
        ("relationship", "fetch_as_of", _AS_OF, "relationship_target"),
        ("relationship", "fetch_as_of", _AS_OF, "relationship_history_source"),
        ("relationship", "fetch_as_of", _AS_OF, "relationship_history_target"),
        ("history", "list_versions", ("e1", ["*"], None, 9), "entry_version_pkey"),
        ("history", "fetch_version", ("e1", ["*"], 1), "entry_version_pkey"),
        ("history", "fetch_as_of", ("e1", ["*"], _THEN), "entry_version_pkey"),
        ("entry", "list_deleted", (["*"], None, None, 9), "entry_deleted"),
        ("retention", "lock_expired", (_THEN, 9), "entry_deleted"),
        ("retention", "purge_relationships", ([1, 2], "t"), "relationship_target"),
        ("graph", "fetch_removed_edges", (NOW,), "change_position"),
        ("graph", "fetch_changed_edges", (NOW, 10), "relationship_change_xid"),
        ("graph", "fetch_changed_entries", (NOW,), "entry_change_xid"),
        ("graph", "fetch_path_links", ([1, 2, 3], None, "both"), "relationship_source"),
        ("search", "verified_vector_candidates", _VERIFIED, "using entry_change_xid"),
        ("search", "verified_vector_candidates", _VERIFIED, "using entry_embedding_change_xid"),
        ("search", "verified_vector_candidates", _VERIFIED, "using entry_embedding_pkey"),
        ("index", "fetch_rows", ("m", 1, 3000, 100), "using entry_pkey"),
        ("index", "fetch_rows", ("m", 1, 3000, 100), "using entry_embedding_pkey"),
        ("index", "count_changed", (["*"], 1 << 60), "using entry_change_xid"),
    ],
)
async def test_hot_queries_use_their_index(
    store: str, query: str, arguments: tuple[object, ...], index: str, dsn: str
):
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(POPULATE)
        plan = await connection.fetch(f"explain {load_queries(store)[query]}", *arguments)
    finally:
        await connection.close()
    assert index in "\n".join(row[0] for row in plan)
