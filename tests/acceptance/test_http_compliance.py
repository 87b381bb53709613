"""Compliance and erasures over HTTP."""

from collections.abc import AsyncGenerator

import httpx
import pytest
from fastapi import FastAPI

from hyper_registry.domain.principal import Role
from tests.acceptance.conftest import calling
from tests.support.erased_person import places_of

API = "/v1/registry"
FRAMEWORK = {
    "name": "soc2",
    "title": "SOC 2",
    "controls": [
        {"code": "CC6.1", "title": "Access"},
        {"code": "CC7.2", "title": "Monitoring", "categories": ["agent"]},
    ],
}


@pytest.fixture
async def admin(app: FastAPI) -> AsyncGenerator[httpx.AsyncClient]:
    async with calling(app, "ada", Role.ADMIN) as opened:
        yield opened


async def _register(client: httpx.AsyncClient, entry_id: str, **fields: object) -> None:
    draft = {"entry_id": entry_id, "category": "agent", "title": entry_id} | fields
    answer = await client.post(f"{API}/entries", json=draft)
    assert answer.status_code == 201, answer.text


async def test_an_entry_is_assessed_and_reported(
    admin: httpx.AsyncClient, client: httpx.AsyncClient
):
    refused = await client.post(f"{API}/compliance/frameworks", json=FRAMEWORK)
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    created = await admin.post(f"{API}/compliance/frameworks", json=FRAMEWORK)
    assert (created.status_code, created.headers["ETag"]) == (201, '"1"')
    assert created.headers["Location"] == f"{API}/compliance/frameworks/soc2"
    await _register(client, "a", owner="ops")
    place = f"{API}/entries/a/compliance/soc2/CC6.1"
    assert (await client.get(place)).json()["code"] == "assessment_not_found"
    evidence = {"title": "Scan", "text": "clean", "expires_at": "2001-01-01T00:00:00Z"}
    draft = {"status": "compliant", "evidence": [evidence], "due_date": "2001-01-01"}
    first = await client.put(place, json=draft, headers={"If-Match": '"0"'})
    assert (first.status_code, first.headers["ETag"]) == (200, '"1"')
    assert (first.json()["effective_status"], first.json()["overdue"]) == ("expired", True)
    again = await client.put(place, json={"status": "compliant"}, headers={"If-Match": '"0"'})
    assert (again.status_code, again.json()["code"]) == (412, "version_conflict")
    stand = (await client.get(f"{API}/entries/a/compliance")).json()
    assert (stand["compliance_status"], stand["assessed"]) == ("in_review", True)
    assert [item["effective_status"] for item in stand["assessments"]] == [
        "expired",
        "not_assessed",
    ]
    entry = (await client.get(f"{API}/entries/a")).json()
    assert (entry["compliance_status"], entry["version"]) == ("in_review", 2)
    expiring = (await client.get(f"{API}/compliance/expiring")).json()
    assert [(i["entry_id"], i["expired"], i["titles"]) for i in expiring["items"]] == [
        ("a", True, ["Scan"])
    ]
    overdue = (await client.get(f"{API}/compliance/overdue", params={"limit": 1})).json()
    assert overdue["items"][0]["control"] == "CC6.1"
    rest = await client.get(f"{API}/compliance/overdue", params={"after": overdue["next_after"]})
    assert rest.json() == {"items": [], "next_after": None}
    wrong = await client.get(f"{API}/compliance/overdue", params={"after": "AAAA"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "after")
    report = f"{API}/compliance/frameworks/soc2/report"
    counted = (await client.get(report)).json()
    assert counted["total"]["coverage"] == 0.5
    assert counted["total"]["by_status"]["expired"] == 1
    table = await client.get(report, params={"format": "csv"})
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.text.splitlines()[1].startswith("soc2,total,total,1,2,1,0,0,0,0,1,0.5,1,0")
    changes = (await client.get(f"{API}/changes", params={"subject": "assessment"})).json()
    assert [item["subject_id"] for item in changes["items"]] == ["a/soc2/CC6.1"]
    in_use = await admin.delete(f"{API}/compliance/frameworks/soc2")
    assert (in_use.status_code, in_use.json()["code"]) == (409, "control_in_use")
    assert (await client.delete(place, headers={"If-Match": '"1"'})).status_code == 204
    versions = (await client.get(f"{place}/versions")).json()["items"]
    assert [item["version"] for item in versions] == [1]
    assert (await admin.delete(f"{API}/compliance/frameworks/soc2")).status_code == 204


async def test_a_hidden_entry_answers_as_a_missing_one(
    admin: httpx.AsyncClient, client: httpx.AsyncClient
):
    await admin.post(f"{API}/compliance/frameworks", json=FRAMEWORK)
    await _register(admin, "hidden", security={"visibility": "private"})
    draft = {"status": "compliant"}
    await admin.put(f"{API}/entries/hidden/compliance/soc2/CC6.1", json=draft)
    for suffix, method in (
        ("", "GET"),
        ("/soc2/CC6.1", "GET"),
        ("/soc2/CC6.1", "PUT"),
        ("/soc2/CC6.1", "DELETE"),
        ("/soc2/CC6.1/versions", "GET"),
    ):
        answers = [
            await client.request(
                method,
                f"{API}/entries/{entry_id}/compliance{suffix}",
                json=draft if method == "PUT" else None,
            )
            for entry_id in ("hidden", "absent")
        ]
        hidden, absent = (answer.json() for answer in answers)
        assert [answer.status_code for answer in answers] == [404, 404]
        assert hidden["detail"].replace("hidden", "absent") == absent["detail"]
    report = await client.get(f"{API}/compliance/frameworks/soc2/report")
    assert (report.json()["total"]["entries"], report.json()["by_owner"]) == (0, [])


async def test_a_person_is_erased(app: FastAPI, admin: httpx.AsyncClient):
    registry = app.state.registry
    async with calling(app, "pia.quist", Role.EDITOR) as person:
        await _register(person, "a", owner="pia.quist", description="Ask Pia.Quist.")
        asked = {"names": ["pia.quist"], "reason": "request 7", "redact_text": True}
        refused = await person.post(f"{API}/erasures", json=asked)
        assert refused.json()["code"] == "permission_denied"
        tried = await admin.post(f"{API}/erasures", json=asked | {"dry_run": True})
        assert (tried.status_code, tried.json()["erasure_id"]) == (201, None)
        assert (await person.get(f"{API}/entries/a")).json()["owner"] == "pia.quist"
        await registry.refusals.flush()
        done = await admin.post(f"{API}/erasures", json=asked, headers={"Idempotency-Key": "once"})
        assert done.status_code == 201, done.text
        assert await places_of(registry.database, ("pia.quist",)) == {}
        registry.keys.revocations.on_lost()
        assert (await person.get(f"{API}/entries/a")).status_code == 401
    erasure = done.json()
    assert erasure["report"]["keys_revoked"] == 1
    entry = (await admin.get(f"{API}/entries/a")).json()
    assert (entry["owner"], entry["created_by"]) == (erasure["pseudonym"],) * 2
    assert entry["description"] == f"Ask {erasure['pseudonym']}."
    assert (await admin.get(done.headers["Location"])).json() == erasure
    listed = (await admin.get(f"{API}/erasures", params={"limit": 1})).json()
    assert listed == {"items": [erasure], "next_before": erasure["erasure_id"]}
    assert (await admin.get(f"{API}/audit/verify")).json()["valid"]
    own = await admin.post(f"{API}/erasures", json=asked | {"names": ["ada"]})
    assert (own.status_code, own.json()["field"]) == (422, "names")
