"""What operators rely on: health, request ids, the record of reads, answers to faults."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from hyper_registry.domain.principal import LOCAL_ADMIN
from hyper_registry.registry import Registry
from tests.acceptance.conftest import calling, running_api
from tests.support.database_owner import as_owner
from tests.support.postgres_server import disposable_server
from tests.support.waiting import until

API = "/v1/registry"
WEATHER = {"entry_id": "weather", "category": "agent", "title": "Weather agent"}


async def test_health_and_reads_answer_503_while_postgres_is_away_and_then_recover():
    with disposable_server() as server:
        dsn = await asyncio.to_thread(server.start)
        async with running_api(dsn) as app, calling(app) as client:
            assert (await client.get(f"{API}/health")).json() == {"status": "ok"}
            assert (await client.post(f"{API}/entries", json=WEATHER)).status_code == 201
            await asyncio.to_thread(server.stop, mode="immediate")
            for path in ("health", "health", "entries/weather", "search?q=rain"):
                away = await client.get(f"{API}/{path}")
                assert away.status_code == 503, (path, away.text)
                assert away.headers["content-type"] == "application/problem+json"
                assert away.json()["code"] == "database_unavailable"
            written = await client.post(f"{API}/entries", json=WEATHER | {"entry_id": "b"})
            assert written.status_code == 503
            await asyncio.to_thread(server.start)
            await until(lambda: _answers(client, "health"))
            assert (await client.get(f"{API}/entries/weather")).status_code == 200
            # The work in the background has survived, too.
            await until(lambda: _is_embedded(client))


async def _answers(client: httpx.AsyncClient, path: str) -> bool:
    return (await client.get(f"{API}/{path}")).status_code == 200


async def _is_embedded(client: httpx.AsyncClient) -> bool:
    return (await client.get(f"{API}/entries/weather")).json()["embedded"]


async def test_a_request_id_is_echoed_and_audited(client: httpx.AsyncClient, app: FastAPI):
    mine = {"X-Request-Id": "trace 7/a"}
    created = await client.post(f"{API}/entries", json=WEATHER, headers=mine)
    assert created.headers.get_list("X-Request-Id") == ["trace 7/a"]
    body = {"entries": [WEATHER | {"entry_id": "b"}]}
    await client.post(f"{API}/bulk/register", json=body, headers={"X-Request-Id": "bulk"})
    edge = {"source_id": "weather", "target_id": "b", "rel_type": "calls"}
    await client.post(f"{API}/relationships", json=edge, headers={"X-Request-Id": "edge"})
    changed = WEATHER | {"title": "Storm agent"}
    put = await client.put(f"{API}/entries/weather", json=changed)
    await client.delete(f"{API}/entries/b", headers={"X-Request-Id": "gone"})
    async with app.state.registry.database.connection() as connection:
        rows = await connection.fetch(
            "select action, request_id from audit where actor = 'eve' order by audit_no"
        )
    assert [tuple(row) for row in rows] == [
        ("entry.create", "trace 7/a"),
        ("entry.bulk_register", "bulk"),
        ("relationship.create", "edge"),
        ("entry.update", put.headers["X-Request-Id"]),
        ("entry.delete", "gone"),
    ]
    assert len(put.headers["X-Request-Id"]) == 32


async def test_refusals_carry_the_request_id_too(client: httpx.AsyncClient):
    mine = {"X-Request-Id": "mine"}
    for answer in (
        await client.get(f"{API}/entries/none", headers=mine),
        await client.get("/nowhere", headers=mine),
        await client.post(f"{API}/entries", content=b"x" * 100_001, headers=mine),
        await client.get(f"{API}/search", headers=mine | {"Authorization": ""}),
    ):
        assert answer.status_code >= 400
        assert answer.headers.get_list("X-Request-Id") == ["mine"]


@pytest.mark.parametrize("given", ["", "x" * 129, "tab\tid", "ü"])
async def test_a_request_id_that_cannot_be_kept_is_refused(client: httpx.AsyncClient, given: str):
    answer = await client.post(
        f"{API}/entries", json=WEATHER, headers={b"X-Request-Id": given.encode()}
    )
    assert (answer.status_code, answer.json()["field"]) == (422, "X-Request-Id")
    assert (await client.get(f"{API}/entries/weather")).status_code == 404


async def test_reads_are_recorded_without_a_write_on_their_way(client: httpx.AsyncClient):
    await client.post(f"{API}/entries", json=WEATHER)
    assert (await client.get(f"{API}/entries/weather")).json()["accessed_at"] is None

    async def shown() -> bool:
        return (await client.get(f"{API}/entries/weather")).json()["accessed_at"] is not None

    await until(shown)


async def test_a_revoked_key_is_refused(client: httpx.AsyncClient, app: FastAPI):
    registry: Registry = app.state.registry
    (key,) = await registry.keys.list_page(LOCAL_ADMIN)

    async def status() -> int:
        return (await client.get(f"{API}/search")).status_code

    async def refused() -> bool:
        return await status() == 401

    for _ in range(3):
        assert await status() == 200
    await registry.keys.revoke(LOCAL_ADMIN, key.key_id)
    await until(refused)


async def test_a_fault_of_its_own_is_a_problem_that_tells_nothing(
    client: httpx.AsyncClient, app: FastAPI
):
    registry: Registry = app.state.registry
    await as_owner(registry.database.dsn, "alter table entry_access rename to hidden_name")
    answer = await client.get(f"{API}/entries/weather")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "internal_error"
    assert "entry_access" not in answer.text
