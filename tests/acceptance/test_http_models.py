"""Classification, vectors, and writes that wait for theirs."""

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from hyper_registry.registry import Registry

API = "/v1/registry"
WEATHER = {"category": "agent", "title": "Weather agent", "description": "Forecasts rain."}
WAIT = {"wait": "embedded", "wait_s": 60}


def _assert_refused(answer: httpx.Response, status: int, code: str, field: str | None) -> None:
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, body["code"], body["field"]) == (status, code, field), body


async def test_a_text_and_the_fields_of_an_entry_are_classified_alike(client: httpx.AsyncClient):
    title, tags = "Labelled images of streets", ["parquet", "training data"]
    fields = {"title": title, "description": "A million rows for training.", "tags": tags}
    text = "Labelled images of streets\nA million rows for training.\nparquet, training data"
    by_fields = await client.post(f"{API}/ai/classify", json=fields)
    by_text = await client.post(f"{API}/ai/classify", json={"text": text})
    assert by_fields.status_code == 200, by_fields.text
    assert by_fields.json() == by_text.json()
    assert by_fields.json()["category"] == "dataset"
    assert 0 < by_fields.json()["confidence"] <= 1
    assert len(by_fields.json()["alternatives"]) == 3


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": "a", "title": "b"},
        {"text": "a", "tags": ["b"]},
        {"words": "a"},
        {"text": "a\x00b"},
        {"text": "x" * 100_001},
    ],
)
async def test_what_is_no_text_to_classify_is_refused(client: httpx.AsyncClient, body: dict):
    answer = await client.post(f"{API}/ai/classify", json=body)
    assert answer.status_code in {413, 422}
    assert answer.json()["remedy"]


async def test_texts_become_the_vectors_that_entries_have(client: httpx.AsyncClient, app: FastAPI):
    registry: Registry = app.state.registry
    texts = ["rain tomorrow", "a tax ledger", "will it be wet"]
    answer = (await client.post(f"{API}/ai/embed", json={"texts": texts})).json()
    assert (answer["model_id"], answer["dimension"]) == (registry.embedder.model_id, 384)
    vectors = np.array(answer["vectors"], np.float32)
    np.testing.assert_array_equal(vectors, await registry.embedder.embed(texts))
    assert vectors[0] @ vectors[2] > vectors[0] @ vectors[1] + 0.1


async def test_bad_texts_to_embed_are_refused(client: httpx.AsyncClient):
    async def refused(texts: object) -> httpx.Response:
        return await client.post(f"{API}/ai/embed", json={"texts": texts})

    _assert_refused(await refused([]), 422, "invalid_field", "texts")
    _assert_refused(await refused("rain"), 422, "invalid_field", "texts")
    _assert_refused(await refused(["a", "b\x00"]), 422, "invalid_field", "texts.1")
    _assert_refused(await refused(["a"] * 21), 413, "request_too_large", None)


async def test_an_entry_that_waited_for_its_vector_is_found_by_meaning_at_once(
    client: httpx.AsyncClient,
):
    async def found() -> list[str]:
        query = {"q": "weather forecast of rain", "mode": "vector"}
        hits = (await client.get(f"{API}/search", params=query)).json()["hits"]
        return [hit["entry_id"] for hit in hits]

    umbrella = {"category": "service", "title": "Umbrella shop", "entry_id": "u"}
    created = await client.post(f"{API}/entries", json=WEATHER | {"entry_id": "w"}, params=WAIT)
    assert (created.status_code, created.json()["embedded"]) == (201, True)
    assert await found() == ["w"]
    await client.post(f"{API}/entries", json=umbrella, params=WAIT)
    assert await found() == ["w", "u"]
    changed = {"category": "agent", "title": "Tax ledger", "description": "Books invoices."}
    put = await client.put(f"{API}/entries/w", json=changed, params=WAIT)
    assert (put.status_code, put.json()["embedded"], put.json()["version"]) == (200, True, 2)
    assert await found() == ["u", "w"]


async def test_rows_that_waited_for_their_vectors_are_embedded(client: httpx.AsyncClient):
    rows = [WEATHER | {"entry_id": f"w{n}", "title": f"Agent {n}"} for n in range(40)]
    rows.append({"category": "nonsense", "title": "x"})
    body = {"entries": rows}
    answer = (await client.post(f"{API}/bulk/register", json=body, params=WAIT)).json()
    assert (len(answer["registered"]), len(answer["rejected"])) == (40, 1)
    assert answer["embedded"] is True
    assert (await client.get(f"{API}/entries/w39")).json()["embedded"] is True


async def test_a_write_whose_time_is_over_is_written_all_the_same(client: httpx.AsyncClient):
    hurried = {"wait": "embedded", "wait_s": 0.000_001}
    created = await client.post(f"{API}/entries", json=WEATHER, params=hurried)
    assert (created.status_code, created.json()["embedded"]) == (201, False)
    read = await client.get(created.headers["Location"])
    assert read.json()["title"] == "Weather agent"


@pytest.mark.parametrize("params", [{"wait": "rain"}, {"wait_s": 0}, {"wait_s": 61}])
async def test_a_wait_that_cannot_be_is_refused(client: httpx.AsyncClient, params: dict):
    answer = await client.post(f"{API}/entries", json=WEATHER, params=params)
    _assert_refused(answer, 422, "invalid_field", next(iter(params)))
    assert (await client.get(f"{API}/search")).json()["total"] == 0
