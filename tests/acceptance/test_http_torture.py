"""Bytes and texts that break parsers: never a fault of the server's, and what is kept is equal."""

import base64
import json
from collections.abc import AsyncGenerator

import httpx
import pytest
from fastapi import FastAPI

from hyper_registry.domain.principal import Role
from serve_app.route_policies import POLICIES, PREFIX
from tests.acceptance.conftest import calling
from tests.support.evaluation_data import evaluation_folder

JSON = {"Content-Type": "application/json"}
BODIES = [
    (policy.method, PREFIX + policy.path.replace("{key_id}", "x").replace("{name}", "x"))
    for policy in POLICIES
    if policy.method in {"POST", "PUT", "PATCH"}
]


@pytest.fixture
async def admin(app: FastAPI) -> AsyncGenerator[httpx.AsyncClient]:
    async with calling(app, "ada", Role.ADMIN) as opened:
        yield opened


def _cases() -> list[tuple[str, bytes]]:
    lines = (evaluation_folder("torture_text") / "json_test_suite.jsonl").read_text().splitlines()
    cases = [json.loads(line) for line in lines]
    return [
        (case["name"], base64.b64decode(case["bytes_b64"]))
        for case in cases
        if case.get("bytes_b64")
    ]


def _naughty() -> list[str]:
    return json.loads((evaluation_folder("torture_text") / "blns.json").read_text())


async def test_no_body_is_a_fault_of_the_server_s(admin: httpx.AsyncClient):
    cases = [
        *_cases(),
        ("arrays", b"[" * 50_000),
        ("objects", b'{"a":' * 15_000),
        ("closed arrays", b"[" * 49_000 + b"]" * 49_000),
        ("deep metadata", b'{"category":"agent","title":"a","metadata":{"a":' + b"[" * 20_000),
        ("deep and whole", b'{"entries":[' + b"[" * 900 + b"]" * 900 + b"]}"),
        (
            "large number",
            b'{"category":"agent","title":"a","metadata":{"n":' + b"9" * 9_000 + b"}}",
        ),
    ]
    assert len(cases) > 300
    for method, path in BODIES:
        for name, body in cases:
            answer = await admin.request(method, path, content=body, headers=JSON)
            assert answer.status_code < 500, (method, path, name, answer.text)
            if answer.status_code >= 400:
                assert answer.headers["Content-Type"] == "application/problem+json"


async def test_an_entry_s_texts_come_back_equal_or_are_refused(admin: httpx.AsyncClient):
    kept = 0
    texts = _naughty()
    for number, text in enumerate(texts):
        entry = {"entry_id": f"e{number}", "category": "agent", "title": "A"}
        for field, value in {
            "title": text,
            "description": text,
            "owner": text,
            "tags": [text],
            "metadata": {text: text},
            "entry_id": text,
            "category": text,
        }.items():
            sent = entry | {field: value}
            answer = await admin.post(f"{PREFIX}/entries", json=sent)
            assert answer.status_code in {201, 422, 409}, (field, text, answer.text)
            if answer.status_code != 201:
                continue
            written = answer.json()
            # Lines are stripped, and nothing else is changed.
            expected = text.strip() if field in {"title", "owner", "entry_id"} else value
            expected = [text.strip()] if field == "tags" else expected
            assert written[field] == expected
            path = answer.headers["Location"]
            read = (await admin.get(path)).json()
            assert {name: read[name] for name in entry} == {name: written[name] for name in entry}
            assert read[field] == written[field]
            assert (await admin.delete(path)).status_code == 204
            kept += 1
    assert kept > 3 * len(texts)


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/search", "q"),
        ("/search", "category"),
        ("/search", "owner"),
        ("/search", "tag"),
        ("/graph/path", "source"),
        ("/keys", "after"),
        ("/roles", "after"),
        ("/role-bindings", "namespace"),
        ("/namespaces", "after"),
        ("/audit", "actor"),
        ("/changes", "cursor"),
    ],
)
async def test_no_parameter_is_a_fault_of_the_server_s(
    admin: httpx.AsyncClient, path: str, parameter: str
):
    for text in [*_naughty(), "\x00", "a\x00b", "\ud800".encode("utf-8", "surrogatepass")]:
        query = {parameter: text, "target": "x"} if path == "/graph/path" else {parameter: text}
        answer = await admin.get(PREFIX + path, params=query)
        assert answer.status_code < 500, (text, answer.text)


async def test_no_name_or_role_is_a_fault_of_the_server_s(admin: httpx.AsyncClient):
    for text in _naughty():
        named = await admin.post(f"{PREFIX}/keys", json={"name": text})
        assert named.status_code in {201, 422}, (text, named.text)
        if named.status_code == 201:
            assert named.json()["name"] == text.strip()
        role = {"name": text, "scopes": ["search"], "description": text}
        assert (await admin.post(f"{PREFIX}/roles", json=role)).status_code in {201, 409, 422}
        bound = {
            "namespace": text,
            "subject_kind": "group",
            "subject": text,
            "role": "owner",
        }
        answer = await admin.put(f"{PREFIX}/role-bindings", json=bound)
        assert answer.status_code in {200, 404, 422}, (text, answer.text)
        edge = {"source_id": text, "target_id": text + "x", "rel_type": text}
        answer = await admin.post(f"{PREFIX}/relationships", json=edge)
        assert answer.status_code == 422, (text, answer.text)


@pytest.mark.parametrize(
    "path",
    [
        "/entries/../keys",
        "/entries/..%2F..%2Fetc%2Fpasswd",
        "/entries/%2e%2e%2fkeys",
        "/entries/a%0d%0aX-Evil:%201",
        "/entries/%00",
        "/entries/%ff%fe",
        "/entries/%ed%a0%80",
        "//v1/registry/keys",
        "/entries/..;/keys",
        "/keys/%2e%2e",
    ],
)
async def test_a_path_leads_nowhere_else(admin: httpx.AsyncClient, path: str):
    answer = await admin.get(f"http://registry{PREFIX}{path}")
    # What the client itself resolves is an honest request for another route.
    assert answer.status_code in {404, 422} or answer.request.url.path == f"{PREFIX}/keys"
    assert "x-evil" not in answer.headers


@pytest.mark.parametrize("name", ["X-Request-Id", "If-Match", "Idempotency-Key", "Authorization"])
async def test_a_header_puts_nothing_into_the_answer_s_headers(admin: httpx.AsyncClient, name: str):
    for value in (b"a\r\nX-Evil: 1", b"a\nX-Evil: 1", b"\xff\xfe", b"a" * 9_000, b"\x00"):
        answer = await admin.post(
            f"{PREFIX}/entries",
            json={"category": "agent", "title": "A"},
            headers={name.encode(): value},
        )
        assert answer.status_code < 500
        assert "x-evil" not in answer.headers
