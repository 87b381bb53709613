"""API keys and roles over HTTP, and what each scope admits."""

import re
from collections.abc import AsyncGenerator

import httpx
import pytest
from fastapi import FastAPI

from hyper_registry.domain.principal import LOCAL_ADMIN, Role
from hyper_registry.domain.scope import Scope
from serve_app.route_policies import POLICIES, PREFIX
from tests.support.waiting import until


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
async def admin(app: FastAPI) -> AsyncGenerator[httpx.AsyncClient]:
    _, token = await app.state.registry.keys.create(LOCAL_ADMIN, "ada", Role.ADMIN)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url=f"http://registry{PREFIX}",
        headers=_bearer(token),
    ) as opened:
        yield opened


async def test_a_key_is_created_used_rotated_and_revoked(admin: httpx.AsyncClient):
    created = await admin.post("/keys", json={"name": "eve", "role": "editor"})
    assert (created.status_code, created.headers["Cache-Control"]) == (201, "no-store")
    token, path = created.json()["token"], created.headers["Location"].removeprefix(PREFIX)
    read = (await admin.get(path)).json()
    assert "token" not in read
    assert read == {key: value for key, value in created.json().items() if key != "token"}
    assert (await admin.get("/search", headers=_bearer(token))).status_code == 200

    async def shown() -> bool:
        return (await admin.get(path)).json()["last_used_at"] is not None

    await until(shown)
    rotated = await admin.post(f"{path}/rotate", json={"overlap_s": 0})
    assert rotated.status_code == 200, rotated.text

    async def refused() -> bool:
        return (await admin.get("/search", headers=_bearer(token))).status_code == 401

    await until(refused)
    token = rotated.json()["token"]
    assert (await admin.get("/search", headers=_bearer(token))).status_code == 200
    past = await admin.put(f"{path}/expiry", json={"expires_at": "2020-01-01T00:00:00Z"})
    assert past.json()["expires_at"].startswith("2020-01-01")
    await until(refused)
    assert (await admin.delete(path)).status_code == 204
    again = await admin.post(f"{path}/rotate", json={})
    assert (again.status_code, again.json()["code"]) == (404, "key_not_found")


async def test_keys_are_listed_page_by_page(admin: httpx.AsyncClient):
    made = [(await admin.post("/keys", json={"name": f"k{n}"})).json()["key_id"] for n in range(5)]
    seen: list[str] = []
    after: str | None = None
    while True:
        parameters = {"limit": 2} | ({"after": after} if after else {})
        page = (await admin.get("/keys", params=parameters)).json()
        seen += [item["key_id"] for item in page["items"]]
        after = page["next_after"]
        if after is None:
            break
    assert seen[:5] == made[::-1]
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("scope", list(Scope))
async def test_a_key_of_one_scope_is_admitted_to_its_routes_alone(
    admin: httpx.AsyncClient, scope: Scope
):
    body = {"name": "narrow", "role": "admin", "scopes": [scope]}
    token = (await admin.post("/keys", json=body)).json()["token"]
    for policy in POLICIES:
        path = re.sub(r"\{\w+\}", "7", policy.path)
        answer = await admin.request(policy.method, path, headers=_bearer(token))
        missing = answer.status_code == 403 and "the scope" in answer.json()["detail"]
        assert missing is (policy.scope is not scope), (policy, answer.text)


async def test_a_narrowed_administrator_hands_out_no_more_than_it_has(admin: httpx.AsyncClient):
    body = {"name": "narrow", "role": "admin", "scopes": ["keys:manage", "search"]}
    narrow = _bearer((await admin.post("/keys", json=body)).json()["token"])
    strong = await admin.post("/keys", json={"name": "x", "role": "viewer"}, headers=narrow)
    assert (strong.status_code, strong.json()["code"]) == (403, "permission_denied")
    weak = {"name": "x", "role": "viewer", "scopes": ["search"]}
    assert (await admin.post("/keys", json=weak, headers=narrow)).status_code == 201


async def test_a_custom_role_is_created_given_changed_and_deleted(admin: httpx.AsyncClient):
    role = {"name": "reader", "scopes": ["entries:read"], "description": "Reads."}
    created = await admin.post("/roles", json=role)
    assert created.status_code == 201, created.text
    assert (await admin.post("/roles", json=role)).json()["code"] == "role_exists"
    key = (await admin.post("/keys", json={"name": "eve", "role": "reader"})).json()
    mine = _bearer(key["token"])
    assert (await admin.get("/search", headers=mine)).status_code == 403
    changed = await admin.put("/roles/reader", json={"scopes": ["search"]})
    assert changed.json()["scopes"] == ["search"]

    async def admitted() -> bool:
        return (await admin.get("/search", headers=mine)).status_code == 200

    await until(admitted)
    assert (await admin.delete("/roles/reader")).json()["code"] == "role_in_use"
    await admin.delete(f"/keys/{key['key_id']}")
    assert (await admin.delete("/roles/reader")).status_code == 204
    assert (await admin.get("/roles")).json() == {"items": [], "next_after": None}


async def test_a_namespace_role_is_bound_listed_and_taken_away(admin: httpx.AsyncClient):
    binding = {"namespace": "team", "subject_kind": "group", "subject": "data", "role": "owner"}
    assert (await admin.put("/role-bindings", json=binding)).json()["code"] == "namespace_not_found"
    assert (await admin.post("/namespaces", json={"name": "Team"})).status_code == 201
    bound = (await admin.put("/role-bindings", json=binding)).json()
    assert {key: bound[key] for key in binding} == binding
    page = (await admin.get("/role-bindings", params={"namespace": "team"})).json()
    assert page == {"items": [bound], "next_after": None}
    path = f"/role-bindings/{bound['binding_id']}"
    assert (await admin.delete(path)).status_code == 204
    assert (await admin.delete(path)).status_code == 404
