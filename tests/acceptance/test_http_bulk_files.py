"""Files over HTTP: what one registry exports another one imports."""

import gzip
from collections.abc import AsyncGenerator

import httpx
import orjson
import pytest
from fastapi import FastAPI

from configs.settings import LimitSettings
from hyper_registry.domain.principal import Role
from tests.acceptance.conftest import calling, running_api

API = "/v1/registry"
IMPORT = f"{API}/bulk/import"
ROWS = [
    {"entry_id": "a", "category": "agent", "title": "First", "tags": ["x|y"]},
    {
        "entry_id": "b",
        "category": "model",
        "title": "Second",
        "relationships": [{"rel_type": "calls", "target_id": "a", "weight": 0.5}],
    },
]
BODY = b"".join(orjson.dumps(row) + b"\n" for row in ROWS)


@pytest.fixture
async def small(dsn: str) -> AsyncGenerator[FastAPI]:
    async with running_api(dsn, limits=LimitSettings(import_bytes=10_000)) as built:
        yield built


async def test_a_file_comes_back_as_it_was_exported(client: httpx.AsyncClient):
    answer = (await client.post(IMPORT, content=BODY)).json()
    assert (answer["created"], answer["related"], answer["bad_row_count"]) == (2, 1, 0)
    for kind, media_type in (
        ("ndjson", "application/x-ndjson"),
        ("csv", "text/csv; charset=utf-8"),
        ("parquet", "application/vnd.apache.parquet"),
    ):
        options = {"format": kind, "relationships": "true"}
        exported = await client.get(f"{API}/bulk/export", params=options)
        assert exported.headers["Content-Type"] == media_type
        assert exported.headers["Content-Disposition"] == f'attachment; filename="entries.{kind}"'
        answer = (
            await client.post(IMPORT, content=exported.content, params={"format": kind})
        ).json()
        assert {name: count for name, count in answer.items() if count} == {
            "unchanged": 2,
            "related_before": 1,
        }


async def test_bad_rows_are_named_and_the_good_ones_written(client: httpx.AsyncClient):
    body = b'{"category": "agent"}\n' + BODY + b"\xff\n"
    answer = (await client.post(IMPORT, content=body)).json()
    assert answer["created"] == 2
    assert [bad["row"] for bad in answer["bad_rows"]] == [1, 4]
    assert answer["bad_rows"][0]["reason"].startswith("title: is missing")


async def test_a_compressed_body_is_read(client: httpx.AsyncClient):
    headers = {"Content-Encoding": "gzip"}
    answer = await client.post(IMPORT, content=gzip.compress(BODY), headers=headers)
    assert answer.json()["created"] == 2
    broken = await client.post(IMPORT, content=gzip.compress(BODY)[:-9], headers=headers)
    assert broken.status_code == 422
    assert broken.json()["code"] == "source_unavailable"


async def test_a_body_that_is_no_such_file_is_refused_without_a_path(client: httpx.AsyncClient):
    answer = await client.post(IMPORT, content=b"PAR1 not", params={"format": "parquet"})
    assert answer.status_code == 422
    assert "the body: cannot be read as Parquet" in answer.json()["detail"]
    assert "/tmp" not in answer.text


async def test_a_viewer_may_not_import(client: httpx.AsyncClient, app: FastAPI):
    async with calling(app, "vic", Role.VIEWER) as viewer:
        answer = await viewer.post(IMPORT, content=BODY)
    assert answer.status_code == 403
    assert (await client.get(f"{API}/entries/a")).status_code == 404


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_above_the_limit_of_imports_is_refused(small: FastAPI, announced: bool):
    async def parts() -> AsyncGenerator[bytes]:
        for _ in range(11):
            yield b" " * 1_000

    async with calling(small) as client:
        content = b" " * 11_000 if announced else parts()
        answer = await client.post(IMPORT, content=content)
    assert answer.status_code == 413
    assert answer.json()["code"] == "request_too_large"
