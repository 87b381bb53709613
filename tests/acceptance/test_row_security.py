"""Postgres hides what a caller may not see, also where a query forgets to."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from importlib.resources import files

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from configs.settings import DatabaseSettings
from hyper_registry.domain.compliance import FrameworkDraft
from hyper_registry.domain.principal import LOCAL_ADMIN, Role
from hyper_registry.registry import Registry
from hyper_registry.storage.database import Database, connect
from hyper_registry.storage.database_roles import READER, WRITER
from hyper_registry.storage.queries import load_queries
from tests.acceptance.conftest import calling, running_api
from tests.support.database_owner import as_owner

API = "/v1/registry"
SECRET = "payroll"
# The first wall, as every query writes it.
_FIRST_WALL = re.compile(r"(\$\d+::text\[\]) is null or \w*\.?readers && \$\d+::text\[\]")


@dataclass(frozen=True)
class _Callers:
    ada: httpx.AsyncClient
    eve: httpx.AsyncClient
    relationships: dict[str, str]


@pytest.fixture
async def callers(dsn: str) -> AsyncGenerator[_Callers]:
    """A public entry between two that Eve may not see, and one that was public once."""
    async with (
        running_api(dsn) as app,
        calling(app, "ada") as ada,
        calling(app, "eve", Role.VIEWER) as eve,
    ):
        for entry_id, visibility in (
            ("open", "public"),
            ("hidden", "private"),
            ("gone", "private"),
            ("later", "public"),
        ):
            draft = {
                "entry_id": entry_id,
                "category": "service",
                "title": f"{SECRET if visibility == 'private' else 'plain'} {entry_id}",
                "owner": "ada",
                "security": {"visibility": visibility},
            }
            assert (await ada.post(f"{API}/entries", json=draft)).status_code == 201
        private = {"title": f"{SECRET} later", "security": {"visibility": "private"}}
        answer = await ada.put(
            f"{API}/entries/later", json={"category": "service", "owner": "ada", **private}
        )
        assert answer.is_success
        registry: Registry = app.state.registry
        controls = [{"code": "c1", "title": "First"}]
        framework = {"name": "soc2", "title": "SOC 2", "controls": controls}
        await registry.frameworks.create(LOCAL_ADMIN, FrameworkDraft.model_validate(framework))
        proof = {"title": SECRET, "text": SECRET, "expires_at": "2001-01-01T00:00:00Z"}
        assessment = {"status": "compliant", "evidence": [proof], "due_date": "2001-01-01"}
        answer = await ada.put(f"{API}/entries/hidden/compliance/soc2/c1", json=assessment)
        assert answer.is_success, answer.text
        related = {}
        for source, target in (("open", "hidden"), ("hidden", "open"), ("gone", "open")):
            edge = {"source_id": source, "target_id": target, "rel_type": "calls"}
            answer = await ada.post(f"{API}/relationships", json=edge | {"metadata": {"x": SECRET}})
            related[source] = answer.json()["relationship_id"]
        await ada.delete(f"{API}/entries/gone")
        yield _Callers(ada, eve, related)


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> int:
    """Take the permission rule out of all queries, and tell how many had it."""
    without = 0
    for item in (files("hyper_registry.storage") / "sql").iterdir():
        queries = load_queries(item.name.removesuffix(".sql"))
        for name, text in list(queries.items()):
            bare = _FIRST_WALL.sub(r"\1 is null or true", text)
            bare = bare.replace("e.readers && $6::text[]", "e.entry_key is not null").replace(
                "s.readers && $6::text[] and d.readers && $6::text[]",
                "s.entry_key is not null and d.entry_key is not null",
            )
            without += bare != text
            monkeypatch.setitem(queries, name, bare)
    return without


def _reads(callers: _Callers) -> list[str]:
    relationships = [f"relationships/{number}" for number in callers.relationships.values()]
    return [
        "entries/hidden",
        "entries/later",
        "entries/hidden/versions",
        "entries/later/versions/2",
        "entries/hidden/relationships",
        "entries/open/relationships",
        f"entries/open/relationships?as_of={_soon()}",
        f"entries/hidden?as_of={_soon()}",
        *relationships,
        *(f"{path}/versions" for path in relationships),
        "entries/deleted",
        f"search?q={SECRET}&mode=text",
        "search?mode=filter",
        "changes",
        "bulk/export?format=ndjson&links=true",
        "analytics",
        "entries/hidden/compliance",
        "entries/hidden/compliance/soc2/c1",
        "entries/hidden/compliance/soc2/c1/versions",
        "compliance/expiring",
        "compliance/overdue",
        "compliance/frameworks/soc2/report",
    ]


def _soon() -> str:
    return "2999-01-01T00:00:00Z"


async def test_the_second_wall_holds_where_every_query_forgets_the_first(
    callers: _Callers, forgetful: int
):
    assert forgetful > 25
    for path in _reads(callers):
        answer = await callers.eve.get(f"{API}/{path}")
        assert answer.status_code in {200, 404}, (path, answer.text)
        assert SECRET not in answer.text, path
        assert "hidden" not in answer.text.replace("entries/hidden", "").replace("'hidden'", ""), (
            path,
            answer.text,
        )
    exported = await callers.eve.get(f"{API}/bulk/export", params={"format": "ndjson"})
    assert [json.loads(line)["entry_id"] for line in exported.text.splitlines()] == ["open"]
    report = await callers.eve.get(f"{API}/compliance/frameworks/soc2/report")
    assert (report.json()["total"]["entries"], report.json()["total"]["overdue"]) == (1, 0)
    seen = await callers.ada.get(f"{API}/entries/hidden/relationships")
    assert len(seen.json()["items"]) == 2


async def test_a_reader_sees_by_the_grants_of_who_reads_last(callers: _Callers, dsn: str):
    database = Database(dsn, min_size=1, max_size=1)
    await database.open()

    async def titles(grants: list[str] | None) -> int:
        async with database.reading(grants) as connection:
            return await connection.fetchval("select count(*) from entry")

    try:
        for _ in range(2):
            assert await titles(["*", "user:ada"]) == 4
            assert await titles(["*"]) == 1
            assert await titles([]) == 0
            assert await titles(None) == 4
        async with database.reading(["*", "user:ada"]) as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("update entry set title = 'x'")
        blocked = asyncio.ensure_future(titles(["*"]))
        await asyncio.sleep(0)
        blocked.cancel()
        await asyncio.gather(blocked, return_exceptions=True)
        assert await titles(["*"]) == 1
    finally:
        await database.close()


@pytest.fixture
async def application_dsn(dsn: str) -> AsyncGenerator[str]:
    """The database for a user that owns nothing: a member of the application's roles."""
    name = f"app_{dsn.rsplit('_', 1)[1]}"
    await as_owner(
        dsn, f"create role {name} login password 'app'", f"grant {READER}, {WRITER} to {name}"
    )
    scheme, rest = dsn.split("://", 1)
    try:
        yield f"{scheme}://{name}:app@{rest.rsplit('@', 1)[1]}"
    finally:
        await as_owner(dsn, f"drop role {name}")


@pytest.mark.parametrize(
    "statement",
    [
        "alter table entry disable row level security",
        "alter table entry no force row level security",
        "drop policy visible on entry",
        "alter table entry owner to current_user",
        "set role registry",
        f"alter role {READER} bypassrls",
        "update audit set actor = 'mallory'",
        "delete from audit_seal",
        "set session_replication_role = replica",
        "create or replace function prune_audit(bigint, bytea) returns bigint"
        " language sql as 'select 1'",
    ],
)
@pytest.mark.parametrize("role", [READER, WRITER, None])
async def test_the_applications_user_cannot_lift_the_walls(
    application_dsn: str, role: str | None, statement: str
):
    connection = await connect(application_dsn)
    try:
        if role is not None:
            await connection.execute(f"set role {role}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_reader_without_grants_sees_nothing(callers: _Callers, application_dsn: str):
    connection = await connect(application_dsn)
    try:
        await connection.execute(f"set role {READER}")
        for table in ("entry", "entry_state", "relationship", "relationship_state"):
            assert await connection.fetchval(f"select count(*) from {table}") == 0
        await connection.execute("set row_security = off")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("select title from entry")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("select secret_hash from api_key")
    finally:
        await connection.close()


async def test_the_registry_runs_as_a_user_that_owns_nothing(dsn: str, application_dsn: str):
    database = DatabaseSettings(url=SecretStr(application_dsn), owner_url=SecretStr(dsn))
    async with running_api(dsn, database=database) as app, calling(app) as client:
        draft = {"entry_id": "a", "category": "agent", "title": "Works"}
        assert (await client.post(f"{API}/entries", json=draft)).status_code == 201
        assert (await client.put(f"{API}/entries/a", json=draft | {"title": "On"})).is_success
        assert (await client.delete(f"{API}/entries/a")).status_code == 204
        assert (await client.get(f"{API}/entries/a/versions")).json()["items"]
