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
        again = await client.post(
            f"{API}/bulk/import",
            content=exported.content,
            params={"format": kind},
            headers={"Content-Type": "application/x-ndjson"},
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


async def test_a_role_in_a_namespace_lets_a_viewer_write_there_and_nowhere_else(
    app: FastAPI, admin: httpx.AsyncClient, client: httpx.AsyncClient
):
    await client.post(f"{API}/entries", json=entry("plain"))
    async with calling(app, "vic", Role.VIEWER) as vic:
        refused = await vic.post(f"{API}/entries", json=entry("v", handle="team/v"))
        assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
        role = {"subject_kind": "principal", "subject": "vic", "role": "editor"}
        bound = await admin.put(f"{API}/namespaces/team/bindings", json=role)
        made = await vic.post(f"{API}/entries", json=entry("v", handle="team/v"))
        assert made.status_code == 201
        edits = (
            await vic.patch(f"{API}/entries/v", json={"title": "V"}),
            await vic.post(f"{API}/entries/v/rename", json={"name": "w"}),
            await vic.put(f"{API}/entries/v", json=entry("v", title="W")),
            await vic.delete(f"{API}/entries/v"),
            await vic.post(f"{API}/entries/v/undelete"),
        )
        assert [answer.status_code for answer in edits] == [200, 200, 200, 204, 200]
        for elsewhere in (
            await vic.post(f"{API}/entries", json=entry("x")),
            await vic.post(f"{API}/entries", json=entry("x", handle="Größe/x")),
            await vic.patch(f"{API}/entries/plain", json={"title": "V"}),
            await vic.patch(f"{API}/entries/plain", json={"handle": "team/plain"}),
            await vic.delete(f"{API}/entries/plain"),
            await vic.post(f"{API}/entries/v/transfer", json={"namespace": "Größe"}),
            await vic.post(
                f"{API}/entries/plain/transfer", json={"namespace": "team", "name": "p"}
            ),
            await vic.post(f"{API}/entries/v/merge", json={"into": "plain"}),
            await vic.post(f"{API}/namespaces", json={"name": "mine"}),
            await vic.patch(f"{API}/namespaces/team", json={"description": "T"}),
            await vic.post(f"{API}/webhooks", json={"url": "https://example.com/"}),
            await vic.post(
                f"{API}/relationships",
                json={"source_id": "plain", "target_id": "v", "rel_type": "uses"},
            ),
        ):
            assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "permission_denied")
        batch = [entry("a", handle="team/a"), entry("b"), entry("c", handle="grösse/c")]
        outcome = (await vic.post(f"{API}/bulk/register", json={"entries": batch})).json()
        assert outcome["registered"] == {"1": "a"}
        assert {row["code"] for row in outcome["rejected"]} == {"permission_denied"}
        changed = (
            await vic.post(
                f"{API}/bulk/update", json={"entries": [entry("a", title="A"), entry("plain")]}
            )
        ).json()
        assert [row["code"] for row in changed["rejected"]] == ["permission_denied"]
        targets = [{"entry_id": entry_id} for entry_id in ("a", "plain")]
        gone = (await vic.post(f"{API}/bulk/delete", json={"entries": targets})).json()
        assert [row["code"] for row in gone["rejected"]] == ["permission_denied"]
        # The role ends at once.
        binding = bound.json()["binding_id"]
        await admin.delete(f"{API}/namespaces/team/bindings/{binding}")
        late = await vic.patch(f"{API}/entries/v", json={"title": "Late"})
        assert late.status_code == 403
    assert (await client.get(f"{API}/entries/plain")).json()["version"] == 1


async def test_an_editor_of_a_namespace_relates_its_entries_to_what_it_sees(
    app: FastAPI, admin: httpx.AsyncClient
):
    hidden = {"security": {"visibility": "private"}}
    for body in (
        entry("in", handle="team/in"),
        entry("also", handle="team/also"),
        entry("out"),
        entry("far", handle="Größe/far"),
        entry("secret", **hidden),
    ):
        assert (await admin.post(f"{API}/entries", json=body)).status_code == 201
    kind = {"symmetric": True, "description": "Alike"}
    described = await admin.put(f"{API}/relationship-types/resembles", json=kind)
    assert described.is_success, described.text

    def link(source_id: str, target_id: str, rel_type: str = "uses") -> dict[str, Any]:
        return {"source_id": source_id, "target_id": target_id, "rel_type": rel_type}

    foreign = (await admin.post(f"{API}/relationships", json=link("out", "in"))).json()
    veiled = (await admin.post(f"{API}/relationships", json=link("in", "secret"))).json()
    async with calling(app, "vic", Role.VIEWER) as vic:
        path = f"{API}/relationships"
        assert (await vic.post(path, json=link("in", "out"))).status_code == 403
        for role, status in (("viewer", 403), ("editor", 201)):
            bound = {"subject_kind": "principal", "subject": "vic", "role": role}
            await admin.put(f"{API}/namespaces/team/bindings", json=bound)
            made = await vic.post(path, json=link("in", "out"))
            assert made.status_code == status, made.text
        own = f"{path}/{made.json()['relationship_id']}"
        assert made.json()["created_by"] == "vic"
        changed = await vic.patch(own, json={"weight": 0.5})
        assert (changed.status_code, changed.json()["weight"]) == (200, 0.5)
        replaced = await vic.put(own, json=link("in", "out") | {"metadata": {"a": 1}})
        assert (replaced.status_code, replaced.json()["version"]) == (200, 3)
        assert (await vic.post(path, json=link("in", "far"))).status_code == 201
        # A symmetric one is stored from the smaller id, and is of both ends.
        both = await vic.post(path, json=link("in", "far", "resembles"))
        assert (both.status_code, both.json()["source_id"]) == (201, "far")
        even = f"{path}/{both.json()['relationship_id']}"
        assert (await vic.patch(even, json={"weight": 0.25})).status_code == 200

        refused = (
            await vic.post(path, json=link("out", "in", "feeds")),
            await vic.post(path, json=link("far", "in")),
            await vic.post(path, json=link("far", "out", "resembles")),
            await vic.patch(f"{path}/{foreign['relationship_id']}", json={"weight": 0.5}),
            await vic.put(f"{path}/{foreign['relationship_id']}", json=link("out", "in")),
            await vic.delete(f"{path}/{foreign['relationship_id']}"),
        )
        for answer in refused:
            assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
        # What it may not see is not there, whoever may write the source.
        gone = await vic.delete(f"{path}/{veiled['relationship_id']}")
        assert (gone.status_code, gone.json()["code"]) == (404, "relationship_not_found")
        dangling = [await vic.post(path, json=link("in", to)) for to in ("secret", "never")]
        assert [answer.json()["code"] for answer in dangling] == ["dangling_relationship"] * 2
        rows = [link("also", "out"), link("out", "also"), link("also", "secret")]
        outcome = (await vic.post(f"{API}/bulk/relationships", json={"relationships": rows})).json()
        assert [(row["row"], row["code"]) for row in outcome["rejected"]] == [
            (2, "permission_denied"),
            (3, "dangling_relationship"),
        ]
        assert [(await vic.delete(each)).status_code for each in (own, even)] == [204, 204]
    assert (await admin.get(f"{path}/{foreign['relationship_id']}")).json()["version"] == 1


async def test_duplicates_are_proposed_and_rejected(admin: httpx.AsyncClient, app: FastAPI):
    text = "Forecasts rain and wind for towns."
    for entry_id, title in (("a", "Weather agent"), ("b", "The agent: WEATHER"), ("c", "Ledger")):
        body = entry(entry_id, title=title, description=text if entry_id != "c" else "Bills.")
        made = await admin.post(f"{API}/entries", json=body, params={"wait": "embedded"})
        assert made.status_code == 201
    private = {"security": {"visibility": "private"}, "title": "Weather agent"}
    await admin.post(f"{API}/entries", json=entry("secret", **private))
    async with calling(app, "vic", Role.VIEWER) as vic:
        found = (await vic.get(f"{API}/entries/a/duplicates")).json()["items"]
        assert [item["entry_id"] for item in found] == ["b"]
        assert found[0]["evidence"]["neighbours"] is None
        assert 0.7 < found[0]["score"] <= 1
        page = (await vic.get(f"{API}/duplicates", params={"limit": 2})).json()
        assert [
            (pair["entry"]["entry_id"], pair["duplicate"]["entry_id"]) for pair in page["items"]
        ] == [("b", "a")]
        assert page["next_after"] == "b"
        rest = await vic.get(f"{API}/duplicates", params={"limit": 2, "after": "b"})
        assert rest.json() == {"items": [], "next_after": None}
        for after in ("secret", "never"):
            answer = await vic.get(f"{API}/duplicates", params={"after": after})
            assert (answer.status_code, answer.json()["field"]) == (422, "after")
        assert (await vic.get(f"{API}/entries/secret/duplicates")).status_code == 404
        refused = await vic.post(f"{API}/entries/a/duplicates/b/reject")
        assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
        rejected = await admin.post(f"{API}/entries/a/duplicates/b/reject")
        assert (rejected.status_code, rejected.json()["rejected_by"]) == (200, "ada")
        assert (await vic.get(f"{API}/entries/b/duplicates")).json() == {"items": []}
        own = await admin.post(f"{API}/entries/a/duplicates/a/reject")
        assert (own.status_code, own.json()["field"]) == (422, "other_id")


async def test_a_narrowed_key_writes_in_no_namespace(app: FastAPI, admin: httpx.AsyncClient):
    role = {"subject_kind": "principal", "subject": "ned", "role": "owner"}
    assert (await admin.put(f"{API}/namespaces/team/bindings", json=role)).status_code == 200
    for scopes, status in ((["entries:read"], 403), (None, 201)):
        key = {"name": "ned", "role": "viewer"} | ({"scopes": scopes} if scopes else {})
        made = (await admin.post(f"{API}/keys", json=key)).json()
        answer = await admin.post(
            f"{API}/entries",
            json=entry("n", handle="team/n"),
            headers={"Authorization": f"Bearer {made['token']}"},
        )
        assert answer.status_code == status, answer.text
    assert app


async def test_who_has_a_role_in_a_namespace_sees_what_is_private_there_from_then_on(
    app: FastAPI, admin: httpx.AsyncClient
):
    private = {"visibility": "private"}
    for entry_id, handle in (("in", "team/in"), ("out", "Größe/out")):
        body = entry(entry_id, handle=handle, title="Hidden lighthouse", security=private)
        assert (await admin.post(f"{API}/entries", json=body)).status_code == 201
    await admin.post(
        f"{API}/relationships", json={"source_id": "in", "target_id": "out", "rel_type": "uses"}
    )
    async with calling(app, "vic", Role.VIEWER) as vic:

        async def seen() -> tuple[list[str], list[int]]:
            hits = (await vic.get(f"{API}/search", params={"q": "lighthouse"})).json()["hits"]
            reads = [
                (await vic.get(f"{API}/{path}")).status_code
                for path in ("entries/in", "handles/team/in", "entries/in/versions", "entries/out")
            ]
            return sorted(hit["entry_id"] for hit in hits), reads

        assert await seen() == ([], [404, 404, 404, 404])
        role = {"subject_kind": "principal", "subject": "vic", "role": "viewer"}
        bound = await admin.put(f"{API}/namespaces/team/bindings", json=role)
        assert await seen() == (["in"], [200, 200, 200, 404])
        links = await vic.get(f"{API}/entries/in/relationships")
        assert links.json()["items"] == []
        assert (await vic.patch(f"{API}/entries/in", json={"title": "T"})).status_code == 403
        binding = bound.json()["binding_id"]
        await admin.delete(f"{API}/namespaces/team/bindings/{binding}")
        assert await seen() == ([], [404, 404, 404, 404])
        await admin.put(f"{API}/namespaces/team/bindings", json=role)
        # It sees what comes into the namespace, and no more what leaves it.
        await admin.post(f"{API}/entries/out/transfer", json={"namespace": "team"})
        await admin.post(f"{API}/entries/in/transfer", json={"namespace": "Größe"})
        assert (await vic.get(f"{API}/entries/out")).status_code == 200
        assert (await vic.get(f"{API}/entries/in")).status_code == 404


async def test_a_custom_role_gains_a_scope_in_the_namespace_only(
    app: FastAPI, admin: httpx.AsyncClient
):
    """Its holder counts as an editor, because it may write webhooks, and still not everywhere."""
    scopes = ["entries:read", "webhooks:manage"]
    await admin.post(f"{API}/roles", json={"name": "hooks", "scopes": scopes})
    made = (await admin.post(f"{API}/keys", json={"name": "hal", "role": "hooks"})).json()
    role = {"subject_kind": "principal", "subject": "hal", "role": "editor"}
    await admin.put(f"{API}/namespaces/team/bindings", json=role)
    hal = {"Authorization": f"Bearer {made['token']}"}
    for handle, status in (("team/h", 201), ("Größe/h", 403), (None, 403)):
        body = entry("h", handle=handle)
        answer = await admin.post(f"{API}/entries", json=body, headers=hal)
        assert answer.status_code == status, answer.text
    assert app


async def test_a_merge_is_followed_by_id_and_undone_over_http(
    admin: httpx.AsyncClient, client: httpx.AsyncClient
):
    await client.post(f"{API}/entries", json=entry("s", handle="team/s"))
    await client.post(f"{API}/entries", json=entry("d", handle="team/d"))
    stale = await client.post(
        f"{API}/entries/d/merge", json={"into": "s"}, headers={"If-Match": '"9"'}
    )
    assert stale.status_code == 412
    merged = await client.post(f"{API}/entries/d/merge", json={"into": "s"})
    merge_id = merged.json()["merge_id"]
    assert (merged.status_code, merged.headers["Location"]) == (201, f"{API}/merges/{merge_id}")
    by_id = await client.get(f"{API}/entries/d")
    assert (by_id.json()["entry_id"], by_id.json()["found_by"]["is_alias"]) == ("s", True)
    assert by_id.headers["Content-Location"] == f"{API}/entries/s"
    assert by_id.headers["Link"] == f'<{API}/handles/team/s>; rel="canonical"'
    undone = await client.post(f"{API}/merges/{merge_id}/undo")
    assert undone.json()["undone_by"] == "eve"
    assert (await client.get(f"{API}/entries/d")).json()["entry_id"] == "d"
    again = await client.post(f"{API}/merges/{merge_id}/undo")
    assert (again.status_code, again.json()["code"]) == (409, "merge_undo_conflict")
    assert admin
