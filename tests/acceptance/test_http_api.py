import asyncio
import json
import re
from collections.abc import AsyncGenerator

import httpx
import pytest

from hyper_registry.domain.errors.every import every_error
from serve_app.errors import STATUS
from serve_app.route_policies import POLICIES

API = "/v1/registry"
WEATHER = {
    "entry_id": "weather-agent",
    "category": "agent",
    "title": "Weather agent",
    "description": "Forecasts rain and sunshine for any city.",
    "owner": "data-team",
    "tags": ["forecast"],
    "metadata": {"capabilities": ["forecast"]},
}


async def _register(client: httpx.AsyncClient, **fields: object) -> dict:
    answer = await client.post(f"{API}/entries", json=WEATHER | fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


def _assert_problem(answer: httpx.Response, status: int, code: str, field: str | None) -> None:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code), body
    assert body["field"] == field
    assert body["remedy"]


async def test_an_entry_is_registered_read_replaced_and_deleted(client: httpx.AsyncClient):
    created = await _register(client)
    read = await client.get(f"{API}/entries/weather-agent")
    assert read.json() == created
    assert read.headers["ETag"] == '"1"'
    changed = {key: value for key, value in WEATHER.items() if key != "entry_id"}
    changed["title"] = "Storm agent"
    stale = await client.put(
        f"{API}/entries/weather-agent", json=changed, headers={"If-Match": '"7"'}
    )
    _assert_problem(stale, 412, "version_conflict", None)
    put = await client.put(
        f"{API}/entries/weather-agent", json=changed, headers={"If-Match": '"1"'}
    )
    assert (put.json()["title"], put.json()["version"]) == ("Storm agent", 2)
    assert (await client.delete(f"{API}/entries/weather-agent")).status_code == 204
    gone = await client.get(f"{API}/entries/weather-agent")
    _assert_problem(gone, 404, "entry_not_found", "entry_id")


async def test_an_entry_is_found_by_its_text_at_once_and_soon_by_its_meaning(
    client: httpx.AsyncClient,
):
    await _register(client)
    await _register(client, entry_id="tax", title="Tax ledger", description="Books invoices.")
    by_text = await client.get(f"{API}/search", params={"q": "forecasting rain", "mode": "text"})
    # The other one is tagged "forecast", which is one of the two words.
    hit, partly = by_text.json()["hits"]
    assert (hit["entry_id"], partly["entry_id"]) == ("weather-agent", "tax")
    assert "**Forecasts** **rain**" in hit["highlight"]
    for _ in range(100):
        if (await client.get(f"{API}/entries/tax")).json()["embedded"]:
            break
        await asyncio.sleep(0.1)
    by_meaning = await client.get(
        f"{API}/search", params={"q": "will it be wet tomorrow", "mode": "vector"}
    )
    hits = by_meaning.json()["hits"]
    assert [hit["entry_id"] for hit in hits] == ["weather-agent", "tax"]
    hybrid = await client.get(f"{API}/search", params={"q": "rain", "category": "agent"})
    assert hybrid.json()["hits"][0]["entry_id"] == "weather-agent"
    assert 0 <= hybrid.json()["hits"][0]["relevance_score"] <= 1


async def test_filters_narrow_a_search(client: httpx.AsyncClient):
    await _register(client)
    await _register(client, entry_id="b", category="model", owner="other", tags=[])
    for params, expected in (
        ({"category": ["model"]}, ["b"]),
        ({"category": ["model", "agent"]}, ["b", "weather-agent"]),
        ({"owner": "data-team"}, ["weather-agent"]),
        ({"tag": "forecast"}, ["weather-agent"]),
        ({"status": "archived"}, []),
    ):
        answer = await client.get(f"{API}/search", params={"q": "weather", **params})
        assert sorted(hit["entry_id"] for hit in answer.json()["hits"]) == expected, params


async def test_fusion_is_chosen_in_the_request_and_filters_count(client: httpx.AsyncClient):
    await _register(client)
    for fusion in ("weighted", "rrf"):
        params = {"q": "rain", "mode": "text", "fusion": fusion, "category": "agent"}
        (hit,) = (await client.get(f"{API}/search", params=params)).json()["hits"]
        assert hit["parts"] == {"text": 1, "filter": 1}
        assert hit["relevance_score"] == 1


async def test_the_status_of_search_counts_what_is_not_embedded_yet(client: httpx.AsyncClient):
    await _register(client)
    for _ in range(100):
        if (await client.get(f"{API}/entries/weather-agent")).json()["embedded"]:
            break
        await asyncio.sleep(0.1)
    assert (await client.get(f"{API}/search/status")).json() == {
        "active_version": None,
        "index_version": None,
        "snapshot_xid": None,
        "snapshot_entries": 0,
        "opened_at": None,
        "changed_entries": 1,
        "unembedded_entries": 0,
        "error": None,
    }


async def test_a_private_entry_is_in_no_answer(client: httpx.AsyncClient, app):
    await _register(client)
    secret = {"visibility": "private", "readers": ["user:somebody-else"]}
    await _register(client, entry_id="secret", owner=None, security=secret)
    for path in ("search?q=weather", "search?q=weather&mode=text", "search", "bulk/export"):
        answer = await client.get(f"{API}/{path}")
        assert "weather-agent" in answer.text
        assert "secret" not in answer.text
        assert '"total":2' not in answer.text
    for path in ("entries/secret", "entries/secret/relationships"):
        _assert_problem(await client.get(f"{API}/{path}"), 404, "entry_not_found", "entry_id")


async def test_deleted_and_changed_entries_are_not_found_by_what_they_were(
    client: httpx.AsyncClient,
):
    await _register(client)
    await client.put(f"{API}/entries/weather-agent", json={"category": "agent", "title": "Ledger"})
    answer = await client.get(f"{API}/search", params={"q": "rain", "mode": "text"})
    assert answer.json() == {"hits": [], "total": 0, "strategy": "text"}
    await client.delete(f"{API}/entries/weather-agent")
    answer = await client.get(f"{API}/search", params={"q": "ledger"})
    assert answer.json()["hits"] == []


async def test_relationships_are_created_and_read(client: httpx.AsyncClient):
    await _register(client)
    await _register(client, entry_id="b")
    edge = {"source_id": "weather-agent", "target_id": "b", "rel_type": "calls"}
    created = await client.post(f"{API}/relationships", json=edge)
    assert created.status_code == 201
    page = (await client.get(f"{API}/entries/b/relationships")).json()
    assert [item["entry_id"] for item in page["items"]] == ["weather-agent"]
    assert page["next_after"] is None
    again = await client.post(f"{API}/relationships", json=edge)
    _assert_problem(again, 409, "relationship_exists", None)
    for change, code, field in (
        ({"target_id": "weather-agent"}, "self_relationship", "target_id"),
        ({"target_id": "nothing"}, "dangling_relationship", "target_id"),
        ({"weight": -1}, "invalid_field", "weight"),
        ({"weight": 1e39}, "invalid_field", "weight"),
        ({"source_id": "no id"}, "invalid_field", "source_id"),
    ):
        answer = await client.post(f"{API}/relationships", json=edge | change)
        _assert_problem(answer, 422, code, field)


async def test_the_graph_answers_paths_and_centrality(client: httpx.AsyncClient):
    for entry_id in ("a", "b", "c"):
        await _register(client, entry_id=entry_id)
    for source, target in (("a", "b"), ("b", "c")):
        edge = {"source_id": source, "target_id": target, "rel_type": "calls"}
        await client.post(f"{API}/relationships", json=edge)
    params = {"source": "c", "target": "a", "rel_type": ["owns", "calls"]}
    path = (await client.get(f"{API}/graph/path", params=params)).json()
    assert (path["found"], path["complete"], path["hops"]) == (True, True, 2)
    assert [entry["entry_id"] for entry in path["entries"]] == ["c", "b", "a"]
    assert [(link["source_id"], link["direction"]) for link in path["links"]] == [
        ("b", "in"),
        ("a", "in"),
    ]
    outward = await client.get(f"{API}/graph/path", params=params | {"direction": "out"})
    assert outward.json() == {
        "found": False,
        "complete": True,
        "hops": None,
        "entries": [],
        "links": [],
    }
    lost = await client.get(f"{API}/graph/path", params={"source": "a", "target": "nothing"})
    _assert_problem(lost, 404, "entry_not_found", "entry_id")
    central = (await client.get(f"{API}/entries/b/centrality")).json()
    assert (central["degree_centrality"], central["betweenness_centrality"]) == (1.0, 1.0)
    assert (central["in_degree"], central["out_degree"], central["nodes"]) == (1, 1, 3)


async def test_analytics_count_what_the_caller_may_see(client: httpx.AsyncClient):
    await _register(client)
    await _register(client, entry_id="b", category="model")
    secret = {"visibility": "private", "readers": ["user:somebody-else"]}
    await _register(client, entry_id="secret", owner=None, security=secret)
    edge = {"source_id": "weather-agent", "target_id": "b", "rel_type": "depends_on"}
    await client.post(f"{API}/relationships", json=edge)
    summary = (await client.get(f"{API}/analytics")).json()
    assert summary["entries"] == 2
    assert summary["by_category"] == {"agent": 1, "model": 1}
    assert summary["by_rel_type"] == {"depends_on": 1}
    assert summary["most_depended_on"] == [
        {"entry_id": "b", "title": "Weather agent", "dependents": 1}
    ]
    assert "secret" not in str(summary)


async def test_bulk_registration_reports_each_bad_row(client: httpx.AsyncClient):
    rows = [
        {"category": "model", "title": "one", "entry_id": "one"},
        {"category": "spaceship", "title": "two"},
        "no object",
        {"category": "model", "title": "again", "entry_id": "one"},
        {"category": "model", "title": "five", "entry_id": "five"},
    ]
    refused = await client.post(f"{API}/bulk/register", json={"entries": rows, "atomic": True})
    _assert_problem(refused, 422, "bulk_rejected", None)
    assert (await client.get(f"{API}/search")).json()["total"] == 0
    answer = (await client.post(f"{API}/bulk/register", json={"entries": rows})).json()
    assert answer["registered"] == {"1": "one", "5": "five"}
    assert [(item["row"], item["code"]) for item in answer["rejected"]] == [
        (2, "unknown_category"),
        (3, "invalid_field"),
        (4, "entry_exists"),
    ]
    exported = await client.get(f"{API}/bulk/export")
    ids = [json.loads(line)["entry_id"] for line in exported.text.splitlines()]
    assert sorted(ids) == ["five", "one"]


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        (b'{"category": "spaceship", "title": "x"}', 422, "unknown_category", "category"),
        (b'{"category": "agent"}', 422, "invalid_field", "title"),
        (b'{"category": "agent", "title": "x", "colour": 1}', 422, "invalid_field", "colour"),
        (b'{"category": "agent", "title": 7}', 422, "invalid_field", "title"),
        (b'{"category": "agent", "title": "a\\u0000b"}', 422, "invalid_field", "title"),
        (b'{"category": "agent", "title": "a\\ud800b"}', 422, "invalid_field", "title"),
        (b'{"category": "agent", "title": "a\\nb"}', 422, "invalid_field", "title"),
        (b'{"category": "agent", "title": "x", "entry_id": "a/b"}', 422, "invalid_field", None),
        (b'{"category": "agent", "title": "x", "metadata": {"n": NaN}}', 422, None, "metadata"),
        (b'{"category": "agent", "title": "%s"}' % (b"x" * 501), 422, "invalid_field", "title"),
        (b'{"category": "agent", "title": "\xff"}', 400, None, None),
        (b'{"category": "agent", ', 400, "malformed_json", None),
        (b"[" * 20_000, 400, None, None),
        (b"x" * 100_001, 413, "request_too_large", None),
    ],
)
async def test_bad_bodies_are_refused_and_nothing_is_written(
    client: httpx.AsyncClient, body: bytes, status: int, code: str | None, field: str | None
):
    answer = await client.post(
        f"{API}/entries", content=body, headers={"Content-Type": "application/json"}
    )
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.status_code == status, problem
    assert problem["code"] == (code or problem["code"])
    if field is not None:
        assert problem["field"] == field
    assert problem["remedy"]
    assert (await client.get(f"{API}/search")).json()["total"] == 0


@pytest.mark.parametrize(
    "path",
    [
        "search?limit=0",
        "search?limit=1000000",
        "search?mode=psychic",
        "search?status=lost",
        "search?fusion=cold",
        "search?mode=text",
        "search?q=%00",
        f"search?q={'x' * 2001}",
        "entries/%00",
        "entries/%00/centrality",
        "graph/path?source=a",
        "graph/path?source=a&target=b&max_hops=0",
        "graph/path?source=a&target=b&direction=up",
        "graph/path?source=a&target=%00",
        "graph/path?source=a&target=b&rel_type=%00",
    ],
)
async def test_bad_parameters_are_refused(client: httpx.AsyncClient, path: str):
    answer = await client.get(f"{API}/{path}")
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["field"]


async def test_no_route_but_health_and_openapi_works_without_a_key(app):
    transport = httpx.ASGITransport(app)
    document = app.openapi()
    async with httpx.AsyncClient(transport=transport, base_url="http://registry") as stranger:
        assert (await stranger.get(f"{API}/health")).json() == {"status": "ok"}
        assert (await stranger.get(f"{API}/openapi.json")).status_code == 200
        tried = 0
        for path, methods in document["paths"].items():
            for method in methods:
                if path == f"{API}/health":
                    continue
                filled = re.sub(r"\{\w+\}", "1", path)
                answer = await stranger.request(method, filled)
                _assert_problem(answer, 401, "unauthenticated", None)
                tried += 1
    assert tried == len(POLICIES)


async def test_an_unknown_path_is_a_problem(client: httpx.AsyncClient):
    _assert_problem(await client.get("/nowhere"), 404, "no_such_path", None)


def test_every_registry_error_has_a_status():
    bases = {base for kind in every_error() for base in kind.__mro__[1:]}
    assert set(STATUS) == set(every_error()) - bases


async def test_a_body_above_the_limit_is_refused_though_it_does_not_announce_its_size(
    client: httpx.AsyncClient,
):
    async def chunks() -> AsyncGenerator[bytes]:
        for _ in range(11):
            yield b" " * 10_000

    answer = await client.post(f"{API}/entries", content=chunks())
    assert "content-length" not in answer.request.headers
    _assert_problem(answer, 413, "request_too_large", None)


async def test_a_body_in_chunks_below_the_limit_is_read_whole(client: httpx.AsyncClient):
    async def chunks() -> AsyncGenerator[bytes]:
        document = json.dumps(WEATHER).encode()
        yield document[:20]
        yield document[20:]

    answer = await client.post(
        f"{API}/entries", content=chunks(), headers={"Content-Type": "application/json"}
    )
    assert answer.json()["entry_id"] == "weather-agent"
