"""Types over HTTP: categories, schemas, relationship types, the life of entries."""

from collections.abc import AsyncGenerator

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from configs.settings import EncryptionKey, EncryptionSettings
from hyper_registry.domain.principal import LOCAL_ADMIN, Role
from hyper_registry.registry import Registry
from hyper_registry.security.key_file import new_key_material
from tests.acceptance.conftest import calling, running_api

API = "/v1/registry"
PORT = {"type": "object", "properties": {"port": {"type": "integer"}}}


@pytest.fixture
async def admin(app: FastAPI) -> AsyncGenerator[httpx.AsyncClient]:
    registry: Registry = app.state.registry
    _, token = await registry.keys.create(LOCAL_ADMIN, "ada", Role.ADMIN)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://registry",
        headers={"Authorization": f"Bearer {token}"},
    ) as opened:
        yield opened


async def test_a_category_with_a_schema_checks_its_entries(
    client: httpx.AsyncClient, admin: httpx.AsyncClient
):
    refused = await client.post(f"{API}/categories", json={"name": "switch"})
    assert refused.status_code == 403
    created = await admin.post(f"{API}/categories", json={"name": "switch"})
    assert (created.status_code, created.headers["Location"]) == (201, f"{API}/categories/switch")
    path = f"{API}/categories/switch/schemas"
    trial = await admin.post(path, json={"document": PORT}, params={"dry_run": True})
    assert (trial.status_code, trial.json()["version"]) == (200, None)
    stored = await admin.post(path, json={"document": PORT})
    assert (stored.status_code, stored.json()["version"]) == (201, 1)
    bad = await admin.post(path, json={"document": {"$ref": "https://example.com/a"}})
    assert (bad.status_code, bad.json()["code"]) == (422, "invalid_schema")
    entry = {"category": "switch", "title": "S", "metadata": {"port": "eighty"}}
    answer = await client.post(f"{API}/entries", json=entry)
    body = answer.json()
    assert (answer.status_code, body["code"], body["field"]) == (
        422,
        "metadata_invalid",
        "metadata",
    )
    assert body["errors"] == [
        {"pointer": "/metadata/port", "detail": 'the value is not of type "integer"'}
    ]
    changed = await admin.patch(f"{API}/categories/switch", json={"compatibility": "full"})
    assert changed.json()["compatibility"] == "full"
    broken = await admin.post(path, json={"document": {"type": "object"}})
    assert (broken.status_code, broken.json()["code"]) == (409, "schema_incompatible")
    assert broken.json()["errors"][0]["pointer"] == "/port"
    versions = (await client.get(path)).json()["items"]
    assert [(item["version"], item["document"]) for item in versions] == [(1, PORT)]
    names = [item["name"] for item in (await client.get(f"{API}/categories")).json()["items"]]
    assert "switch" in names
    assert (await admin.delete(f"{API}/categories/switch")).status_code == 204
    assert (await client.get(f"{API}/categories/switch")).status_code == 404


async def test_a_relationship_type_is_described_and_kept(
    client: httpx.AsyncClient, admin: httpx.AsyncClient
):
    for name in ("a", "b", "c"):
        entry = {"entry_id": name, "category": "agent", "title": name}
        await client.post(f"{API}/entries", json=entry)
    path = f"{API}/relationship-types/reports_to"
    described = await admin.put(path, json={"cardinality": "many_to_one", "inverse": "leads"})
    assert (described.status_code, described.json()["described"]) == (200, True)
    assert (await client.get(path)).json() == described.json()
    edge = {"source_id": "a", "target_id": "b", "rel_type": "reports_to"}
    assert (await client.post(f"{API}/relationships", json=edge)).status_code == 201
    again = await client.post(f"{API}/relationships", json=edge | {"target_id": "c"})
    assert (again.status_code, again.json()["code"]) == (409, "relationship_refused")
    wrong = await admin.put(path, json={"symmetric": True, "inverse": "leads"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_field")
    used = await admin.delete(path)
    assert (used.status_code, used.json()["code"]) == (409, "type_in_use")
    listed = (await client.get(f"{API}/relationship-types")).json()["items"]
    assert [item["name"] for item in listed] == ["reports_to"]


async def test_a_deprecated_entry_says_so_in_its_headers(client: httpx.AsyncClient):
    entry = {
        "entry_id": "old",
        "category": "api",
        "title": "Old",
        "status": "deprecated",
        "deprecation": {
            "since": "2026-01-01T00:00:00Z",
            "sunset": "2026-02-01T00:00:00Z",
            "successor": "new",
        },
    }
    assert (await client.post(f"{API}/entries", json=entry)).status_code == 201
    answer = await client.get(f"{API}/entries/old")
    assert answer.headers["Deprecation"] == "@1767225600"
    assert answer.headers["Sunset"] == "Sun, 01 Feb 2026 00:00:00 GMT"
    assert answer.headers["Link"] == f'<{API}/entries/new>; rel="successor-version"'
    for number in range(2):
        await client.post(f"{API}/entries", json=entry | {"entry_id": f"old-{number}"})
    params: dict[str, str] = {"limit": "2"}
    page = (await client.get(f"{API}/lifecycle/sunset", params=params)).json()
    assert [item["entry_id"] for item in page["items"]] == ["old", "old-0"]
    params["cursor"] = page["next_cursor"]
    rest = (await client.get(f"{API}/lifecycle/sunset", params=params)).json()
    assert [item["entry_id"] for item in rest["items"]] == ["old-1"]
    assert rest["next_cursor"] is None
    for cursor in ("%%%", "YQ==", "gICA"):
        bad = await client.get(f"{API}/lifecycle/sunset", params={"cursor": cursor})
        assert (bad.status_code, bad.json()["field"]) == (422, "cursor")
    back = entry | {"status": "draft", "deprecation": None}
    refused = await client.put(f"{API}/entries/old", json=back)
    assert (refused.status_code, refused.json()["code"]) == (409, "status_transition")


async def test_sealed_metadata_is_shown_to_administrators_who_ask(
    dsn: str, client: httpx.AsyncClient, admin: httpx.AsyncClient
):
    entry = {
        "entry_id": "a",
        "category": "api",
        "title": "Gateway",
        "metadata": {"token": "s3cret"},
    }
    refused = await client.post(f"{API}/entries", json=entry | {"sensitive": ["/token"]})
    # This server has a Postgres of its own and no key.
    assert (refused.status_code, refused.json()["code"]) == (422, "sealed_field")
    assert "s3cret" not in refused.text
    malformed = await client.post(f"{API}/entries", json=entry | {"sensitive": ["token"]})
    assert (malformed.status_code, malformed.json()["field"]) == (422, "sensitive.0")
    keys = EncryptionSettings(keys=(EncryptionKey(id="k", material=SecretStr(new_key_material())),))
    async with running_api(dsn, encryption=keys) as app, calling(app) as editor:
        created = await editor.post(f"{API}/entries", json=entry | {"sensitive": ["/token"]})
        assert created.status_code == 201, created.text
        path = f"{API}/entries/a"
        for answer in (
            created,
            await editor.get(path),
            await editor.get(f"{API}/search", params={"q": "gateway", "mode": "text"}),
            await editor.get(f"{API}/bulk/export"),
        ):
            assert '"token":{"$sealed":true}' in answer.text.replace(" ", "")
            assert "s3cret" not in answer.text
        denied = await editor.get(path, params={"reveal": True})
        assert denied.status_code == 403
        editor.headers["Authorization"] = admin.headers["Authorization"]
        revealed = await editor.get(path, params={"reveal": True})
        assert revealed.json()["metadata"] == {"token": "s3cret"}
        assert revealed.headers["Cache-Control"] == "no-store"


async def test_an_entry_without_a_deprecation_has_no_such_headers(client: httpx.AsyncClient):
    await client.post(f"{API}/entries", json={"entry_id": "a", "category": "api", "title": "A"})
    answer = await client.get(f"{API}/entries/a")
    assert not {"deprecation", "sunset", "link"} & answer.headers.keys()
    given = await client.post(f"{API}/entries/a/owner", json={"owner": "ann"})
    assert (given.json()["owner"], given.headers["ETag"]) == ("ann", '"2"')
