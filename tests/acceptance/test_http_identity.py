"""Names over HTTP: handles, aliases, renaming, transfer, namespaces and the roles in them."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from hyper_registry.domain.principal import Role
from tests.acceptance.conftest import calling

API = "/v1/registry"


@pytest.fixture
async def admin(app: FastAPI) -> AsyncGenerator[httpx.AsyncClient]:
    async with calling(app, "ada", Role.ADMIN) as opened:
        for name in ("team", "Größe"):
            created = await opened.post(f"{API}/namespaces", json={"name": name})
            assert created.status_code == 201
        yield opened


def entry(entry_id: str, **fields: Any) -> dict[str, Any]:
    return {"entry_id": entry_id, "category": "agent", "title": "Agent"} | fields


async def test_a_handle_leads_to_the_entry_and_an_old_one_says_so(
    admin: httpx.AsyncClient, client: httpx.AsyncClient
):
    made = await client.post(f"{API}/entries", json=entry("e", handle="team/One"))
    assert (made.status_code, made.json()["handle"]) == (201, "team/One")
    present = await client.get(f"{API}/handles/TEAM/one")
    assert present.headers["Content-Location"] == f"{API}/entries/e"
    assert "Link" not in present.headers
    found_by = {"name": "TEAM/one", "is_alias": False, "canonical": "team/One"}
    assert present.json() == (await client.get(f"{API}/entries/e")).json() | {"found_by": found_by}

    stale = await client.post(
        f"{API}/entries/e/rename", json={"name": "Two"}, headers={"If-Match": '"7"'}
    )
    assert (stale.status_code, stale.headers["ETag"]) == (412, '"1"')
    renamed = await client.post(
        f"{API}/entries/e/rename", json={"name": "Two"}, headers={"If-Match": '"1"'}
    )
    assert (renamed.json()["handle"], renamed.headers["ETag"]) == ("team/Two", '"2"')
    moved = await client.post(
        f"{API}/entries/e/transfer", json={"namespace": "GRO\u0308SSE"}, headers={"If-Match": '"2"'}
    )
    assert (moved.json()["handle"], moved.headers["ETag"]) == ("GRÖSSE/Two", '"3"')

    old = await client.get(f"{API}/handles/team/one")
    assert old.status_code == 200
    assert old.json()["found_by"] == {
        "name": "team/one",
        "is_alias": True,
        "canonical": "GRÖSSE/Two",
    }
    assert old.headers["Content-Location"] == f"{API}/entries/e"
    canonical = "/v1/registry/handles/GR%C3%96SSE/Two"
    assert old.headers["Link"] == f'<{canonical}>; rel="canonical"'
    assert (await client.get(canonical)).json()["found_by"]["is_alias"] is False
    known = await client.get(f"{API}/handles/team/one", headers={"If-None-Match": '"3"'})
    assert (known.status_code, known.headers["Content-Location"]) == (304, f"{API}/entries/e")
    names = (await client.get(f"{API}/entries/e/aliases")).json()["items"]
    assert [(name["handle"], name["current"]) for name in names] == [
        ("GRÖSSE/Two", True),
        ("team/Two", False),
        ("team/One", False),
    ]
    taken = await client.post(f"{API}/entries", json=entry("f", handle="TEAM/ONE"))
    assert (taken.status_code, taken.json()["code"], taken.json()["field"]) == (
        409,
        "handle_taken",
        "handle",
    )
    missing = await client.get(f"{API}/handles/team/three")
    assert (missing.status_code, missing.json()["code"]) == (404, "handle_not_found")


@pytest.mark.parametrize("handle", ["team/a b", "team", "team/a\u200bb", "team/p\u0430l", ""])
async def test_a_name_that_cannot_be_is_refused(
    admin: httpx.AsyncClient, client: httpx.AsyncClient, handle: str
):
    answer = await client.post(f"{API}/entries", json=entry("e", handle=handle))
    assert answer.status_code == 422
    assert (await client.get(f"{API}/entries/e")).status_code == 404
    assert admin


async def test_handles_are_searched_with_exported_and_imported(
    admin: httpx.AsyncClient, client: httpx.AsyncClient
):
    await client.post(f"{API}/entries", json=entry("e", handle="team/One", title="Weather maps"))
    hits = (await client.get(f"{API}/search", params={"q": "weather"})).json()["hits"]
    assert [hit["handle"] for hit in hits] == ["team/One"]
    for kind in ("ndjson", "csv"):
        exported = await client.get(f"{API}/bulk/export", params={"format": kind})
        assert "team/One" in exported.text
        media = "application/x-ndjson" if kind == "ndjson" else "text/csv"
        again = await client.post(
            f"{API}/bulk/import", content=exported.content, headers={"Content-Type": media}
        )
        assert (again.status_code, again.json()["unchanged"]) == (200, 1), again.text
    assert admin


async def test_owners_keep_their_namespace_and_nobody_else_does(
    app: FastAPI, admin: httpx.AsyncClient, client: httpx.AsyncClient
):
    made = await client.post(f"{API}/namespaces", json={"name": "Mine", "description": "M"})
    assert (made.status_code, made.headers["Location"]) == (201, f"{API}/namespaces/mine")
    twin = await client.post(f"{API}/namespaces", json={"name": "MINE"})
    assert (twin.status_code, twin.json()["code"]) == (409, "namespace_exists")
    async with calling(app, "bob", Role.EDITOR) as bob:
        role = {"subject_kind": "principal", "subject": "bob", "role": "owner"}
        path = f"{API}/namespaces/MINE/bindings"
        for answer in (
            await bob.put(path, json=role),
            await bob.get(path),
            await bob.patch(f"{API}/namespaces/mine", json={"description": "B"}),
            await bob.delete(f"{API}/namespaces/mine"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
        bound = (await client.put(path, json=role)).json()
        assert (bound["namespace"], bound["subject"]) == ("mine", "bob")
        changed = await bob.patch(f"{API}/namespaces/mine", json={"description": "B"})
        assert changed.json()["description"] == "B"
        listed = (await bob.get(path)).json()["items"]
        assert [item["subject"] for item in listed] == ["eve", "bob"]
        eve = listed[0]["binding_id"]
        assert (await bob.delete(f"{API}/namespaces/team/bindings/{eve}")).status_code == 403
        assert (await bob.delete(f"{path}/{eve}")).status_code == 204
        assert (await client.get(path)).status_code == 403
        assert (await bob.delete(f"{API}/namespaces/mine")).status_code == 204
        assert (await bob.get(f"{API}/namespaces/mine")).status_code == 404
    names = (await client.get(f"{API}/namespaces")).json()["items"]
    assert [name["form"] for name in names] == ["grösse", "team"]
    assert admin
