"""POSTs that are sent twice."""

import asyncio

import httpx
from fastapi import FastAPI

from hyper_registry.domain.principal import LOCAL_ADMIN, Role
from serve_app.route_policies import PREFIX as API
from tests.support.database_owner import as_owner

WEATHER = {"category": "agent", "title": "Weather agent"}
KEY = {"Idempotency-Key": "7f1c"}


async def test_a_repeated_registration_gives_the_first_answer(
    client: httpx.AsyncClient, app: FastAPI
):
    first = await client.post(f"{API}/entries", json=WEATHER, headers=KEY)
    again = await client.post(f"{API}/entries", json=WEATHER, headers=KEY)
    assert first.status_code == again.status_code == 201
    assert again.content == first.content
    for name in ("ETag", "Location", "Content-Type", "Content-Length"):
        assert again.headers[name] == first.headers[name]
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    another = await client.post(f"{API}/entries", json=WEATHER | {"title": "B"}, headers=KEY)
    assert (another.status_code, another.json()["code"]) == (422, "idempotency_key_reused")
    async with app.state.registry.database.connection() as connection:
        assert await connection.fetchval("select count(*) from entry") == 1


async def test_refusals_are_given_again_and_server_faults_are_not(
    client: httpx.AsyncClient, app: FastAPI
):
    edge = {"source_id": "a", "target_id": "b", "rel_type": "calls"}
    first = await client.post(f"{API}/relationships", json=edge, headers=KEY)
    again = await client.post(f"{API}/relationships", json=edge, headers=KEY)
    assert (first.status_code, again.status_code) == (422, 422)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Content-Type"] == "application/problem+json"
    dsn = app.state.registry.database.dsn
    await as_owner(dsn, "alter table entry rename to away")
    failed = await client.post(f"{API}/entries", json=WEATHER, headers=KEY)
    await as_owner(dsn, "alter table away rename to entry")
    assert failed.status_code == 500
    mended = await client.post(f"{API}/entries", json=WEATHER, headers=KEY)
    assert mended.status_code == 201
    assert "Idempotency-Replayed" not in mended.headers


async def test_many_at_a_time_write_once(client: httpx.AsyncClient, app: FastAPI):
    async def send() -> httpx.Response:
        while True:
            answer = await client.post(f"{API}/entries", json=WEATHER, headers=KEY)
            if answer.status_code != 409:
                return answer
            assert answer.json()["code"] == "request_in_progress"
            assert answer.headers["Retry-After"] == "1"

    answers = await asyncio.gather(*(send() for _ in range(6)))
    assert len({answer.content for answer in answers}) == 1
    async with app.state.registry.database.connection() as connection:
        assert await connection.fetchval("select count(*) from entry") == 1


async def test_a_secret_is_kept_nowhere(client: httpx.AsyncClient, app: FastAPI):
    _, token = await app.state.registry.keys.create(LOCAL_ADMIN, "ada", Role.ADMIN)
    headers = KEY | {"Authorization": f"Bearer {token}"}
    created = await client.post(f"{API}/keys", json={"name": "x"}, headers=headers)
    again = await client.post(f"{API}/keys", json={"name": "x"}, headers=headers)
    assert (created.status_code, again.status_code) == (201, 409)
    assert again.json()["code"] == "answer_not_kept"
    async with app.state.registry.database.connection() as connection:
        rows = await connection.fetch("select i::text as text from idempotency i")
        assert await connection.fetchval("select count(*) from api_key where name = 'x'") == 1
    assert created.json()["token"].encode().hex() not in "".join(row["text"] for row in rows)


async def test_keys_of_callers_are_apart_and_bad_ones_are_refused(
    client: httpx.AsyncClient, app: FastAPI
):
    _, token = await app.state.registry.keys.create(LOCAL_ADMIN, "eve", Role.EDITOR)
    other = KEY | {"Authorization": f"Bearer {token}"}
    first = await client.post(f"{API}/entries", json=WEATHER, headers=KEY)
    second = await client.post(f"{API}/entries", json=WEATHER, headers=other)
    assert first.json()["entry_id"] != second.json()["entry_id"]
    for bad in ("", "x" * 256, "a b", "a\tb"):
        answer = await client.post(f"{API}/entries", json=WEATHER, headers={"Idempotency-Key": bad})
        assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")
