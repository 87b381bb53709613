from collections.abc import AsyncGenerator, Callable
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI

from configs.settings import AuditSettings
from hyper_registry.domain.principal import Role
from tests.acceptance.conftest import calling, running_api
from tests.support.waiting import until

API = "/v1/registry"
WEATHER = {"entry_id": "weather", "category": "agent", "title": "Weather agent"}


@pytest.fixture
async def admin(app: FastAPI) -> AsyncGenerator[httpx.AsyncClient]:
    async with calling(app, "ada", Role.ADMIN) as opened:
        yield opened


async def _rows(admin: httpx.AsyncClient, **filters: Any) -> list[dict[str, Any]]:
    answer = await admin.get(f"{API}/audit", params=filters)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def _appears(
    admin: httpx.AsyncClient, holds: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    async def there() -> bool:
        found[:] = [row for row in await _rows(admin) if holds(row)]
        return bool(found)

    await until(there)
    return found[0]


async def test_writes_are_listed_exported_and_verified(
    client: httpx.AsyncClient, admin: httpx.AsyncClient
):
    await client.post(f"{API}/entries", json=WEATHER, headers={"X-Request-Id": "mine"})
    (row,) = await _rows(admin, target="weather")
    assert (row["actor"], row["action"], row["outcome"]) == ("eve", "entry.create", "ok")
    assert row["request_id"] == "mine"
    assert len(row["after_hash"]) == 64

    async def sealed() -> bool:
        report = (await admin.get(f"{API}/audit/verify")).json()
        return report["valid"] and report["unsealed_rows"] == 0

    await until(sealed)
    report = (await admin.get(f"{API}/audit/verify")).json()
    noted = await admin.get(f"{API}/audit/verify", params={"expect": report["head"]})
    assert noted.json()["valid"]
    other = await admin.get(f"{API}/audit/verify", params={"expect": "ab" * 32})
    assert not other.json()["valid"]
    bad = await admin.get(f"{API}/audit/verify", params={"expect": "x"})
    assert (bad.status_code, bad.json()["field"]) == (422, "expect")
    exported = await admin.get(f"{API}/audit/export", params={"actor": "eve"})
    assert exported.headers["content-type"] == "application/x-ndjson"
    assert [orjson.loads(line) for line in exported.content.splitlines()] == [row]


async def test_pages_go_on_where_the_last_one_ended(
    client: httpx.AsyncClient, admin: httpx.AsyncClient
):
    for number in range(3):
        await client.post(f"{API}/entries", json=WEATHER | {"entry_id": f"e{number}"})
    first = (await admin.get(f"{API}/audit", params={"actor": "eve", "limit": 2})).json()
    second = (
        await admin.get(
            f"{API}/audit", params={"actor": "eve", "limit": 2, "before": first["next_before"]}
        )
    ).json()
    targets = [row["target"] for row in first["items"] + second["items"]]
    assert targets == ["e2", "e1", "e0"]
    assert second["next_before"] is None


@pytest.mark.parametrize("path", ["", "/export", "/verify"])
async def test_only_administrators_read_the_audit_log(client: httpx.AsyncClient, path: str):
    answer = await client.get(f"{API}/audit{path}")
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


async def test_denied_requests_are_recorded(client: httpx.AsyncClient, admin: httpx.AsyncClient):
    wrong = {"Authorization": "Bearer wrong", "X-Request-Id": "w1"}
    assert (await client.get(f"{API}/entries/weather", headers=wrong)).status_code == 401
    row = await _appears(admin, lambda row: row["request_id"] == "w1")
    assert (row["actor"], row["outcome"]) == ("anonymous", "denied")
    assert (row["action"], row["target"]) == ("GET /entries/{entry_id}", "weather")
    assert row["detail"] == {"code": "unauthenticated"}
    assert (await client.get(f"{API}/audit")).status_code == 403
    row = await _appears(admin, lambda row: row["detail"].get("code") == "permission_denied")
    assert (row["actor"], row["action"]) == ("eve", "GET /audit")
    assert await _rows(admin, outcome="denied")


async def test_failed_writes_are_recorded_and_failed_reads_are_not(
    client: httpx.AsyncClient, admin: httpx.AsyncClient
):
    await client.post(f"{API}/entries", json=WEATHER)
    await client.get(f"{API}/entries/none")
    stale = await client.put(
        f"{API}/entries/weather",
        json={"category": "agent", "title": "Storm"},
        headers={"If-Match": '"9"'},
    )
    assert stale.status_code == 412
    row = await _appears(admin, lambda row: row["outcome"] == "failed")
    assert (row["actor"], row["target"]) == ("eve", "weather")
    assert row["detail"] == {"code": "version_conflict"}
    invalid = await client.post(f"{API}/entries", json={"category": "agent"})
    assert invalid.status_code == 422
    row = await _appears(admin, lambda row: row["detail"].get("code") == "422")
    assert row["action"] == "POST /entries"
    assert len(await _rows(admin, outcome="failed")) == 2


async def test_reads_are_recorded_where_that_is_set(dsn: str):
    audited = AuditSettings(reads=True)
    async with (
        running_api(dsn, audit=audited) as app,
        calling(app) as client,
        calling(app, "ada", Role.ADMIN) as admin,
    ):
        await client.post(f"{API}/entries", json=WEATHER)
        await client.get(f"{API}/health")
        for _ in range(3):
            await client.get(f"{API}/entries/weather", headers={"X-Request-Id": "r1"})
        await client.get(f"{API}/entries/none")
        row = await _appears(admin, lambda row: row["outcome"] == "failed")
        assert (row["target"], row["detail"]) == ("none", {"code": "404"})
        reads = await _rows(admin, actor="eve", target="weather", outcome="ok")
        assert {row["request_id"] for row in reads[:-1]} == {"r1"}
        assert sum(row["detail"].get("count", 1) for row in reads[:-1]) == 3
        assert not [row for row in await _rows(admin) if "health" in row["action"]]
