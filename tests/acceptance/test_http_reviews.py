"""Review and approval over HTTP: policies, proposals, decisions, and what nobody gets around."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from hyper_registry.domain.principal import LOCAL_ADMIN, Role
from hyper_registry.domain.scope import Scope
from hyper_registry.registry import Registry
from tests.acceptance.conftest import calling

API = "/v1/registry"
ACTIVE = {"patch": {"status": "active"}, "note": "ready"}
APPROVE = {"decision": "approve"}


@dataclass(frozen=True)
class _People:
    """Two owners of the namespace, one of its editors, and one who only looks."""

    olga: httpx.AsyncClient
    otto: httpx.AsyncClient
    walt: httpx.AsyncClient
    vic: httpx.AsyncClient


@pytest.fixture
async def people(app: FastAPI) -> AsyncGenerator[_People]:
    async with (
        calling(app, "olga", Role.EDITOR) as olga,
        calling(app, "otto", Role.VIEWER) as otto,
        calling(app, "walt", Role.VIEWER) as walt,
        calling(app, "vic", Role.VIEWER) as vic,
    ):
        policy = {"statuses": ["active"], "approvals": 1}
        made = await olga.post(f"{API}/namespaces", json={"name": "Team", "approval": policy})
        assert (made.status_code, made.json()["approval"]) == (201, policy)
        for subject, role in (("otto", "owner"), ("walt", "editor")):
            binding = {"subject_kind": "principal", "subject": subject, "role": role}
            bound = await olga.put(f"{API}/namespaces/team/bindings", json=binding)
            assert bound.status_code == 200, bound.text
        drafted = await walt.post(f"{API}/entries", json=entry("e", status="draft"))
        assert drafted.status_code == 201, drafted.text
        yield _People(olga, otto, walt, vic)


def entry(entry_id: str, **fields: Any) -> dict[str, Any]:
    known = {"entry_id": entry_id, "handle": f"team/{entry_id}", "category": "agent", "title": "A"}
    return known | fields


async def _propose(who: httpx.AsyncClient, body: dict[str, Any] = ACTIVE) -> dict[str, Any]:
    made = await who.post(f"{API}/entries/e/reviews", json=body)
    assert made.status_code == 201, made.text
    review: dict[str, Any] = made.json()
    assert made.headers["Location"] == f"{API}/reviews/{review['review_id']}"
    return review


def _told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_draft_becomes_active_by_the_approval_of_another_owner(people: _People):
    refused = await people.walt.patch(f"{API}/entries/e", json={"status": "active"})
    assert (_told(refused), refused.json()["field"]) == ((409, "approval_required"), "status")
    assert "/reviews" in refused.json()["remedy"]
    review = await _propose(people.walt)
    assert (review["state"], review["version"], review["proposed_by"]) == ("open", 1, "walt")
    path = f"{API}/reviews/{review['review_id']}"
    waiting = (await people.vic.get(f"{API}/reviews")).json()
    assert waiting == {"items": [review], "next_after": None}
    for who, count in ((people.otto, 1), (people.walt, 0), (people.vic, 0)):
        own = (await who.get(f"{API}/reviews", params={"decidable": True})).json()["items"]
        assert len(own) == count
    for who in (people.walt, people.vic):
        denied = await who.post(f"{path}/decisions", json=APPROVE)
        assert _told(denied) == (403, "permission_denied")
    decided = await people.otto.post(f"{path}/decisions", json=APPROVE | {"note": "good"})
    assert decided.status_code == 200, decided.text
    (decision,) = decided.json()["decisions"]
    assert (decision["decided_by"], decision["decision"], decision["note"]) == (
        "otto",
        "approve",
        "good",
    )
    assert (decided.json()["state"], decided.json()["applied_version"]) == ("approved", 2)
    read = await people.vic.get(f"{API}/entries/e")
    assert (read.json()["status"], read.json()["updated_by"]) == ("active", "walt")
    assert read.headers["ETag"] == '"2"'
    assert (await people.vic.get(path)).json() == decided.json()
    assert (await people.vic.get(f"{API}/entries/e/reviews")).json()["items"] == [decided.json()]
    assert _told(await people.olga.post(f"{path}/decisions", json=APPROVE)) == (
        409,
        "review_closed",
    )


async def test_a_change_of_what_is_active_is_proposed_at_a_version(people: _People):
    stale = await people.walt.post(
        f"{API}/entries/e/reviews", json=ACTIVE, headers={"If-Match": '"7"'}
    )
    assert (stale.status_code, stale.headers["ETag"]) == (412, '"1"')
    review = await _propose(people.walt)
    edited = await people.walt.patch(f"{API}/entries/e", json={"title": "Moved on"})
    assert edited.status_code == 200
    path = f"{API}/reviews/{review['review_id']}"
    assert _told(await people.otto.post(f"{path}/decisions", json=APPROVE)) == (
        409,
        "review_outdated",
    )
    assert (await people.vic.get(path)).json()["state"] == "outdated"
    assert (await people.vic.get(f"{API}/reviews")).json()["items"] == []
    again = await _propose(people.walt)
    withdrawn = await people.walt.post(f"{API}/reviews/{again['review_id']}/withdraw")
    assert (withdrawn.status_code, withdrawn.json()["state"]) == (200, "withdrawn")
    third = await _propose(people.olga)
    body = {"decision": "reject", "note": "not yet"}
    rejected = await people.otto.post(f"{API}/reviews/{third['review_id']}/decisions", json=body)
    assert rejected.json()["state"] == "rejected"
    for wrong in ({"decision": "maybe"}, {}, APPROVE | {"by": "me"}):
        answer = await people.otto.post(f"{API}/reviews/{third['review_id']}/decisions", json=wrong)
        assert answer.status_code == 422


async def test_no_route_brings_an_unapproved_entry_into_the_status(app: FastAPI, people: _People):
    async with calling(app, "root", Role.ADMIN) as root:
        required = (409, "approval_required")
        assert _told(await root.post(f"{API}/entries", json=entry("new"))) == required
        put = await root.put(f"{API}/entries/e", json={"category": "agent", "title": "A"})
        assert _told(put) == required
        created = await root.put(
            f"{API}/entries/new", json=entry("new"), headers={"If-None-Match": "*"}
        )
        assert created.status_code in {404, 409}
        for route, rows in (
            ("register", [entry("new"), entry("free", handle=None)]),
            ("update", [entry("e")]),
        ):
            bulk = (await root.post(f"{API}/bulk/{route}", json={"entries": rows})).json()
            assert [row["code"] for row in bulk["rejected"]] == ["approval_required"], bulk
        imported = await root.post(f"{API}/bulk/import", json=entry("e"))
        assert (imported.json()["updated"], len(imported.json()["bad_rows"])) == (0, 1)
        moved = await root.post(
            f"{API}/entries/free/transfer", json={"namespace": "team", "name": "free"}
        )
        assert _told(moved) == required
        assert (await root.get(f"{API}/entries/new")).status_code == 404
        assert (await root.get(f"{API}/entries/e")).json()["version"] == 1


async def test_owners_change_the_policy_and_nobody_else(people: _People):
    path = f"{API}/namespaces/team"
    two = {"approval": {"statuses": ["active", "deprecated"], "approvals": 2}}
    assert _told(await people.walt.patch(path, json=two)) == (403, "permission_denied")
    changed = await people.otto.patch(path, json=two)
    assert (changed.json()["approval"], changed.json()["description"]) == (two["approval"], "")
    kept = await people.otto.patch(path, json={"description": "Ours"})
    assert (kept.json()["approval"], kept.json()["description"]) == (two["approval"], "Ours")
    for wrong in ({"approvals": 0}, {"approvals": 11}, {"statuses": []}, {"statuses": ["on"]}):
        assert (await people.otto.patch(path, json={"approval": wrong})).status_code == 422
    deprecated = await people.walt.patch(f"{API}/entries/e", json={"status": "deprecated"})
    assert _told(deprecated) == (409, "approval_required")
    gone = await people.otto.patch(path, json={"approval": None})
    assert gone.json()["approval"] is None
    free = await people.walt.patch(f"{API}/entries/e", json={"status": "active"})
    assert (free.status_code, free.json()["version"]) == (200, 2)
    needless = await people.walt.post(
        f"{API}/entries/e/reviews", json={"patch": {"title": "Other"}}
    )
    assert (_told(needless), needless.json()["field"]) == ((422, "invalid_field"), "patch")


async def test_a_review_of_a_hidden_entry_is_answered_as_none(people: _People):
    hidden = entry("h", status="draft", owner="walt", security={"visibility": "private"})
    assert (await people.walt.post(f"{API}/entries", json=hidden)).status_code == 201
    made = await people.walt.post(f"{API}/entries/h/reviews", json=ACTIVE)
    review_id, missing = made.json()["review_id"], "00000000-0000-0000-0000-000000000000"
    answers = [
        [
            (await people.vic.get(f"{API}/reviews/{each}")).text.replace(each, "*"),
            (await people.olga.get(f"{API}/reviews/{each}")).status_code,
        ]
        for each in (review_id, missing)
    ]
    assert answers[0][0] == answers[1][0]
    assert (answers[0][1], answers[1][1]) == (200, 404)  # owners see what is private in there
    assert (await people.vic.get(f"{API}/reviews")).json()["items"] == []
    for name in ("h", "none"):
        answer = await people.vic.get(f"{API}/entries/{name}/reviews")
        assert _told(answer) == (404, "entry_not_found")


async def test_a_key_that_only_writes_entries_proposes_and_decides_nothing(
    app: FastAPI, people: _People
):
    registry: Registry = app.state.registry
    scopes = frozenset({Scope.ENTRIES_READ, Scope.ENTRIES_WRITE})
    _, token = await registry.keys.create(LOCAL_ADMIN, "olga", Role.EDITOR, scopes=scopes)
    review = await _propose(people.walt)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://registry",
        headers={"Authorization": f"Bearer {token}"},
    ) as narrow:
        path = f"{API}/reviews/{review['review_id']}/decisions"
        assert _told(await narrow.post(path, json=APPROVE)) == (403, "permission_denied")
        await _propose(narrow, {"patch": {"status": "active", "title": "B"}})
    found = (await people.vic.get(f"{API}/reviews", params={"limit": 1})).json()
    assert found["items"] == [review]
    rest = await people.vic.get(f"{API}/reviews", params={"after": found["next_after"]})
    assert [item["proposed_by"] for item in rest.json()["items"]] == ["olga"]
