"""Versions, preconditions, patches, deletion and return over HTTP."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import httpx
import jsonpatch
import pytest
from fastapi import FastAPI

from hyper_registry.domain.principal import LOCAL_ADMIN, Role

API = "/v1/registry"
PATCH = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture
async def stranger(app: FastAPI) -> AsyncGenerator[httpx.AsyncClient]:
    """An editor of another name."""
    _, token = await app.state.registry.keys.create(LOCAL_ADMIN, "sam", Role.EDITOR)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://registry",
        headers={"Authorization": f"Bearer {token}"},
    ) as opened:
        yield opened


async def _put(client: httpx.AsyncClient, entry_id: str, **fields: object) -> dict:
    draft = {"category": "agent", "title": "First", **fields}
    answer = await client.put(f"{API}/entries/{entry_id}", json=draft)
    if answer.status_code == 404:
        answer = await client.post(f"{API}/entries", json=draft | {"entry_id": entry_id})
    assert answer.is_success, answer.text
    return answer.json()


async def _relate(client: httpx.AsyncClient, source: str, target: str) -> dict:
    draft = {"source_id": source, "target_id": target, "rel_type": "calls"}
    answer = await client.post(f"{API}/relationships", json=draft)
    assert answer.status_code == 201
    return answer.json()


async def test_versions_are_listed_read_compared_and_restored(client: httpx.AsyncClient):
    first = await _put(client, "a", tags=["x"], metadata={"n": 1})
    await _put(client, "a", title="Second", metadata={"n": 1, "more": True})
    await client.delete(f"{API}/entries/a")
    listed = (await client.get(f"{API}/entries/a/versions", params={"limit": 2})).json()
    assert [(v["version"], v["deleted"]) for v in listed["items"]] == [(3, True), (2, False)]
    rest = await client.get(f"{API}/entries/a/versions", params={"before": listed["next_before"]})
    assert rest.json()["next_before"] is None
    (oldest,) = rest.json()["items"]
    assert (oldest["title"], oldest["actor"], oldest["tags"]) == ("First", "eve", ["x"])
    assert oldest["checksum"] == first["checksum"]
    assert oldest["superseded_at"] == listed["items"][1]["valid_from"]
    one = await client.get(f"{API}/entries/a/versions/1")
    assert (one.json(), one.headers["ETag"]) == (oldest, '"1"')

    gone = await client.post(f"{API}/entries/a/versions/1/restore")
    assert (gone.status_code, gone.json()["code"]) == (404, "entry_not_found")
    revived = await client.post(f"{API}/entries/a/undelete", headers={"If-Match": '"2", "3"'})
    assert (revived.json()["title"], revived.headers["ETag"]) == ("Second", '"4"')
    stale = await client.post(f"{API}/entries/a/versions/1/restore", headers={"If-Match": '"3"'})
    assert (stale.status_code, stale.headers["ETag"]) == (412, '"4"')
    restored = await client.post(f"{API}/entries/a/versions/1/restore", headers={"If-Match": '"4"'})
    assert restored.json() | {"version": 1, "updated_at": first["updated_at"]} == first
    assert restored.json()["version"] == 5
    newest = (await client.get(f"{API}/entries/a/versions/5")).json()
    assert (newest["restored_from"], newest["superseded_at"]) == (1, None)

    change = await client.get(f"{API}/entries/a/versions/diff", params={"from": 1, "to": 2})
    second = (await client.get(f"{API}/entries/a/versions/2")).json()
    content = ("title", "tags", "metadata", "description", "owner", "security")
    patched = jsonpatch.apply_patch(
        {name: oldest[name] for name in content}, change.json()["patch"]
    )
    assert patched == {name: second[name] for name in content}
    missing = await client.get(f"{API}/entries/a/versions/9")
    assert (missing.status_code, missing.json()["code"]) == (404, "version_not_found")


async def test_an_entry_and_its_relationships_are_read_as_they_were(client: httpx.AsyncClient):
    before = datetime.now(UTC).isoformat()
    await _put(client, "a")
    await _put(client, "b", title="Old name")
    edge = await _relate(client, "a", "b")
    then = datetime.now(UTC).isoformat()
    await _put(client, "a", title="Changed")
    await _put(client, "b", title="New name")
    await client.delete(f"{API}/relationships/{edge['relationship_id']}")
    now = datetime.now(UTC).isoformat()

    async def as_of(moment: str, path: str = "") -> httpx.Response:
        return await client.get(f"{API}/entries/a{path}", params={"as_of": moment})

    was = await as_of(then)
    assert (was.json()["title"], was.headers["ETag"]) == ("First", '"1"')
    assert was.json()["security"] == {"visibility": "internal", "readers": []}
    assert (await as_of(now)).json()["title"] == "Changed"
    for path in ("", "/relationships"):
        assert (await as_of(before, path)).json()["code"] == "version_not_found"
    (related,) = (await as_of(then, "/relationships")).json()["items"]
    assert (related["entry_id"], related["title"]) == ("b", "Old name")
    assert related["relationship"] == edge
    assert (await as_of(now, "/relationships")).json()["items"] == []
    await client.delete(f"{API}/entries/a")
    assert (await as_of(then)).json()["title"] == "First"
    assert (await as_of(datetime.now(UTC).isoformat())).status_code == 404
    assert (await as_of("yesterday")).status_code == 422


async def test_a_version_needs_the_sight_of_the_present_one_and_its_own(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient
):
    private = {"security": {"visibility": "private", "readers": ["user:eve"]}}
    await _put(client, "a", title="Secret", **private)
    then = datetime.now(UTC).isoformat()
    await _put(client, "a", title="Open")
    seen = (await stranger.get(f"{API}/entries/a/versions")).json()
    assert [item["version"] for item in seen["items"]] == [2]
    for path in ("versions/1", "versions/diff?from=1&to=2"):
        assert (await stranger.get(f"{API}/entries/a/{path}")).status_code == 404
    hidden = await stranger.get(f"{API}/entries/a", params={"as_of": then})
    assert hidden.status_code == 404
    assert (await stranger.post(f"{API}/entries/a/versions/1/restore")).status_code == 404
    await _put(client, "a", title="Closed", **private)
    await client.delete(f"{API}/entries/a")
    for path in ("versions", "versions/2", "relationships?as_of=2020-01-01T00:00:00Z"):
        answer = await stranger.get(f"{API}/entries/a/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "entry_not_found")
    assert (await stranger.post(f"{API}/entries/a/undelete")).status_code == 404
    assert (await stranger.get(f"{API}/deleted-entries")).json()["items"] == []
    (deleted,) = (await client.get(f"{API}/deleted-entries")).json()["items"]
    assert (deleted["entry_id"], deleted["deleted_by"], deleted["version"]) == ("a", "eve", 4)


async def test_deleted_entries_come_in_pages(client: httpx.AsyncClient):
    for name in "abc":
        await _put(client, name)
        await client.delete(f"{API}/entries/{name}")
    seen: list[str] = []
    after: str | None = None
    while True:
        asked = {"limit": 2} | ({"after": after} if after else {})
        page = (await client.get(f"{API}/deleted-entries", params=asked)).json()
        seen += [item["entry_id"] for item in page["items"]]
        after = page["next_after"]
        if after is None:
            break
    assert seen == ["c", "b", "a"]
    bad = await client.get(f"{API}/deleted-entries", params={"after": "abc"})
    assert (bad.status_code, bad.json()["field"]) == (422, "after")


async def test_preconditions_guard_reads_and_writes(client: httpx.AsyncClient):
    draft = {"category": "agent", "title": "First"}
    url = f"{API}/entries/a"
    created = await client.put(url, json=draft, headers={"If-None-Match": "*"})
    assert (created.status_code, created.headers["ETag"]) == (201, '"1"')
    assert created.headers["Location"] == url
    again = await client.put(url, json=draft, headers={"If-None-Match": "*"})
    assert (again.status_code, again.headers["ETag"]) == (412, '"1"')
    bad_id = await client.put(f"{API}/entries/-a", json=draft, headers={"If-None-Match": "*"})
    assert bad_id.status_code == 422, bad_id.text
    for tags, status in (('"1"', 304), ('"7", W/"1"', 304), ("*", 304), ('"2"', 200)):
        answer = await client.get(url, headers={"If-None-Match": tags})
        assert (answer.status_code, answer.headers["ETag"]) == (status, '"1"')
    for tags, status in (('"4"', 412), ('"abc"', 412), ("W/nothing", 422), ('"4","1"', 200)):
        answer = await client.patch(
            url, content=b'{"title": "Second"}', headers=PATCH | {"If-Match": tags}
        )
        assert answer.status_code == status, answer.text
    assert (await client.delete(url, headers={"If-Match": '"1"'})).status_code == 412
    assert (await client.delete(url, headers={"If-Match": '"2"'})).status_code == 204
    assert (await client.put(url, json=draft, headers={"If-Match": "*"})).status_code == 404


async def test_a_merge_patch_changes_what_it_names(client: httpx.AsyncClient):
    await _put(client, "a", owner="ops", tags=["x"], metadata={"keep": 1, "drop": 2})
    url = f"{API}/entries/a"
    patch = {"title": "New", "owner": None, "metadata": {"drop": None, "add": [3]}}
    answer = await client.patch(url, json=patch, headers=PATCH)
    body = answer.json()
    assert (body["title"], body["owner"], body["tags"]) == ("New", None, ["x"])
    assert body["metadata"] == {"keep": 1, "add": [3]}
    assert body["version"] == 2
    assert (await client.patch(url, json=patch, headers=PATCH)).json()["version"] == 2
    for wrong, field in (
        ({"title": None}, "title"),
        ({"colour": 1}, "colour"),
        ({"version": 9}, "version"),
        ({"entry_id": "b"}, "entry_id"),
        ({"title": "x" * 501}, "title"),
        ({"category": "spaceship"}, "category"),
    ):
        refused = await client.patch(url, json=wrong, headers=PATCH)
        assert (refused.status_code, refused.json()["field"]) == (422, field), refused.text
    assert (await client.get(url)).json()["version"] == 2


async def test_a_relationship_is_read_changed_and_deleted(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient
):
    for name in ("a", "b"):
        await _put(client, name)
    edge = await _relate(client, "a", "b")
    url = f"{API}/relationships/{edge['relationship_id']}"
    read = await client.get(url)
    assert (read.json(), read.headers["ETag"]) == (edge, '"1"')
    assert (await client.get(url, headers={"If-None-Match": '"1"'})).status_code == 304
    patched = await client.patch(
        url, json={"weight": 0.1, "metadata": {"why": "x"}}, headers=PATCH | {"If-Match": '"1"'}
    )
    assert (patched.json()["version"], patched.json()["updated_by"]) == (2, "eve")
    same = await client.patch(url, json={"weight": 0.1}, headers=PATCH)
    assert same.json() == patched.json() == (await client.get(url)).json()
    stale = await client.put(url, json={}, headers={"If-Match": '"1"'})
    assert stale.status_code == 422
    draft = {"source_id": "a", "target_id": "b", "rel_type": "calls", "weight": 2}
    stale = await client.put(url, json=draft, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.headers["ETag"]) == (412, '"2"')
    put = await client.put(url, json=draft, headers={"If-Match": '"2"'})
    assert (put.json()["weight"], put.json()["metadata"]) == (2, {})
    moved = await client.put(url, json=draft | {"rel_type": "owns"})
    assert (moved.status_code, moved.json()["field"]) == (422, "rel_type")
    assert (await client.delete(url, headers={"If-Match": '"2"'})).status_code == 412
    assert (await client.delete(url, headers={"If-Match": '"3"'})).status_code == 204
    assert (await client.get(url)).json()["code"] == "relationship_not_found"
    versions = (await client.get(f"{url}/versions")).json()["items"]
    assert [(item["version"], item["weight"]) for item in versions] == [
        (3, 2),
        (2, pytest.approx(0.1)),
        (1, 1),
    ]
    assert versions[0]["superseded_at"] is not None
    await _put(client, "b", security={"visibility": "private", "readers": ["user:eve"]})
    assert (await stranger.get(f"{url}/versions")).status_code == 404
    hidden = await _relate(client, "a", "b")
    for method in ("GET", "DELETE"):
        answer = await stranger.request(method, f"{API}/relationships/{hidden['relationship_id']}")
        assert answer.status_code == 404


async def test_relationships_are_filtered_by_several_types(client: httpx.AsyncClient):
    for name in ("a", "b"):
        await _put(client, name)
    for rel_type in ("calls", "owns", "uses"):
        draft = {"source_id": "a", "target_id": "b", "rel_type": rel_type}
        await client.post(f"{API}/relationships", json=draft)
    page = await client.get(f"{API}/entries/a/relationships", params={"rel_type": ["owns", "uses"]})
    types = [item["relationship"]["rel_type"] for item in page.json()["items"]]
    assert types == ["owns", "uses"]


async def test_of_64_writers_no_acknowledged_update_is_lost(client: httpx.AsyncClient):
    names = ("a", "b")
    for name in names:
        await _put(client, name, metadata={"written": []})

    async def write(number: int) -> None:
        url = f"{API}/entries/{names[number % 2]}"
        while True:
            read = await client.get(url)
            written = [*read.json()["metadata"]["written"], number]
            answer = await client.patch(
                url,
                json={"metadata": {"written": written}},
                headers=PATCH | {"If-Match": read.headers["ETag"]},
            )
            if answer.status_code == 200:
                return
            assert answer.status_code == 412
            assert int(answer.headers["ETag"].strip('"')) > read.json()["version"]

    await asyncio.gather(*(write(number) for number in range(64)))
    for parity, name in enumerate(names):
        page = await client.get(f"{API}/entries/{name}/versions", params={"limit": 200})
        items = page.json()["items"]
        assert [item["version"] for item in items] == list(range(33, 0, -1))
        final = items[0]["metadata"]["written"]
        assert sorted(final) == list(range(parity, 64, 2))
        for item in items:
            assert item["metadata"]["written"] == final[: item["version"] - 1]
