"""Rows written together over HTTP: updates, deletions and relationships."""

import hashlib

import httpx
import pytest

from hyper_registry.storage.database import Database

API = "/v1/registry"


@pytest.fixture
async def entries(client: httpx.AsyncClient) -> None:
    """Entries a, b and c."""
    rows = [{"entry_id": name, "category": "agent", "title": name} for name in "abc"]
    answer = await client.post(f"{API}/bulk/register", json={"entries": rows})
    assert answer.json()["rejected"] == []


def _row(entry_id: str, title: str, **fields: object) -> dict[str, object]:
    return {"entry_id": entry_id, "category": "agent", "title": title, **fields}


async def _post(client: httpx.AsyncClient, path: str, **body: object) -> httpx.Response:
    return await client.post(f"{API}/bulk/{path}", json=body)


@pytest.mark.usefixtures("entries")
async def test_good_updates_are_written_and_bad_ones_told_by_row(client: httpx.AsyncClient):
    rows = [
        _row("a", "A2", expected_version=1),
        _row("b", "B2", expected_version=7),
        _row("absent", "X"),
        _row("c", "c"),
        _row("a", "A3"),
        _row("c", "C2", colour=1),
        {"category": "agent", "title": "no id"},
    ]
    answer = (await _post(client, "update", entries=rows)).json()
    assert answer["updated"] == {"1": "a", "4": "c"}
    assert [(item["row"], item["code"]) for item in answer["rejected"]] == [
        (2, "version_conflict"),
        (3, "entry_not_found"),
        (5, "repeated_row"),
        (6, "invalid_field"),
        (7, "invalid_field"),
    ]
    versions = {
        name: (await client.get(f"{API}/entries/{name}")).json()["version"] for name in "abc"
    }
    assert versions == {"a": 2, "b": 1, "c": 1}


@pytest.mark.usefixtures("entries")
async def test_an_atomic_set_with_a_bad_row_changes_nothing(client: httpx.AsyncClient):
    for path, body in (
        ("update", {"entries": [_row("a", "A2"), _row("b", "B2", expected_version=2)]}),
        ("delete", {"entries": [{"entry_id": "a"}, {"entry_id": "absent"}]}),
        (
            "relationships",
            {
                "relationships": [
                    {"source_id": "a", "target_id": target, "rel_type": "calls"}
                    for target in ("b", "absent")
                ]
            },
        ),
    ):
        answer = await _post(client, path, atomic=True, **body)
        assert (answer.status_code, answer.json()["code"]) == (422, "bulk_rejected")
        assert [item["row"] for item in answer.json()["errors"]] == [2]
    assert (await client.get(f"{API}/entries/a")).json()["version"] == 1
    assert (await client.get(f"{API}/entries/a/relationships")).json()["items"] == []


@pytest.mark.usefixtures("entries")
async def test_a_set_of_deletions_leaves_what_it_refuses(client: httpx.AsyncClient):
    rows = [
        {"entry_id": "a", "expected_version": 1},
        {"entry_id": "b", "expected_version": 2},
        {"entry_id": "a"},
        {"entry_id": "absent"},
        {"entry_id": "c", "title": "c"},
    ]
    answer = (await _post(client, "delete", entries=rows)).json()
    assert answer["deleted"] == {"1": "a"}
    assert [(item["row"], item["code"]) for item in answer["rejected"]] == [
        (2, "version_conflict"),
        (3, "repeated_row"),
        (4, "entry_not_found"),
        (5, "invalid_field"),
    ]
    (deleted,) = (await client.get(f"{API}/deleted-entries")).json()["items"]
    assert deleted["entry_id"] == "a"


@pytest.mark.usefixtures("entries")
async def test_relationships_are_created_together(client: httpx.AsyncClient):
    rows = [
        {"source_id": source, "target_id": target, "rel_type": "calls"}
        for source, target in (("a", "b"), ("b", "b"), ("a", "b"), ("b", "c"))
    ]
    answer = (await _post(client, "relationships", relationships=rows)).json()
    assert [(item["row"], item["code"]) for item in answer["rejected"]] == [
        (2, "self_relationship"),
        (3, "relationship_exists"),
    ]
    assert answer["created"].keys() == {"1", "4"}
    read = await client.get(f"{API}/relationships/{answer['created']['4']}")
    assert (read.json()["source_id"], read.json()["target_id"]) == ("b", "c")


@pytest.mark.usefixtures("entries")
async def test_one_audit_row_seals_a_set_and_leads_to_its_parts(
    client: httpx.AsyncClient, database: Database
):
    await _post(client, "update", entries=[_row(name, "New") for name in "ab"])
    await _post(client, "delete", entries=[{"entry_id": name} for name in "bc"])
    async with database.connection() as connection:
        audits = await connection.fetch(
            "select xid, action, target, after_hash, detail from audit"
            " where action like 'entry.%' order by audit_no"
        )
        parts = [
            await connection.fetch(
                "select subject_id, version, checksum from change where xid = $1"
                " order by subject_id",
                audit["xid"],
            )
            for audit in audits
        ]
    assert [(row["action"], row["target"], row["detail"]) for row in audits] == [
        ("entry.bulk_register", None, {"created": 3}),
        ("entry.bulk_update", None, {"updated": 2}),
        ("entry.bulk_delete", None, {"deleted": 2}),
    ]
    for audit, changes in zip(audits, parts, strict=True):
        text = "".join(
            f"{row['subject_id']} {row['version']} {(row['checksum'] or b'').hex()}\n"
            for row in changes
        )
        assert audit["after_hash"] == hashlib.sha256(text.encode()).digest()


@pytest.mark.parametrize("path", ["update", "delete", "relationships"])
async def test_a_set_above_the_limit_is_refused(client: httpx.AsyncClient, path: str):
    name = "relationships" if path == "relationships" else "entries"
    answer = await _post(client, path, **{name: [{}] * 51})
    assert (answer.status_code, answer.json()["code"]) == (413, "request_too_large")
