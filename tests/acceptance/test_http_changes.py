import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import httpx
import orjson
import pytest
import uvicorn
from fastapi import FastAPI

from configs.settings import EventSettings
from hyper_registry.domain.principal import LOCAL_ADMIN, Role
from hyper_registry.domain.role import RoleContent, RoleDraft
from hyper_registry.domain.scope import Scope
from hyper_registry.registry import Registry
from tests.acceptance.conftest import calling, running_api

API = "/v1/registry"
CHANGES = f"{API}/changes"
STREAM = {"Accept": "text/event-stream"}


async def _register(client: httpx.AsyncClient, entry_id: str, **fields: object) -> None:
    body = {"entry_id": entry_id, "category": "agent", "title": "T"} | fields
    answer = await client.post(f"{API}/entries", json=body)
    assert answer.status_code == 201, answer.text


async def test_pages_go_on_from_their_cursor_and_wait_for_the_next_change(
    client: httpx.AsyncClient,
):
    await _register(client, "a")
    first = (await client.get(CHANGES)).json()
    (event,) = first["items"]
    assert (event["subject"], event["operation"], event["subject_id"]) == ("entry", "create", "a")
    assert event["event_id"].startswith("evt_")
    parameters = {"after": first["next_cursor"], "wait_s": 30}
    waiting = asyncio.create_task(client.get(CHANGES, params=parameters))
    await _register(client, "b")
    (event,) = (await waiting).json()["items"]
    assert event["subject_id"] == "b"
    none = (await client.get(CHANGES, params={"after": event["cursor"], "wait_s": 0.05})).json()
    assert none["items"] == []


async def test_parameters_are_checked(client: httpx.AsyncClient):
    for parameters, field in (
        ({"after": "x"}, "after"),
        ({"limit": 0}, "limit"),
        ({"wait_s": 61}, "wait_s"),
        ({"subject": "cat"}, "subject"),
        ({"category": "\0"}, "category"),
        ({"entry_id": "\0"}, "entry_id"),
        ({"operation": "\0"}, "operation"),
    ):
        answer = await client.get(CHANGES, params=parameters)
        assert answer.status_code == 422
        assert field in answer.json()["field"]
    refused = await client.get(CHANGES, params={"after": "x"}, headers=STREAM)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_query")


async def test_two_callers_see_their_own_part(app: FastAPI, client: httpx.AsyncClient):
    private = {"visibility": "private", "readers": ["user:ada"]}
    async with calling(app, "ada", Role.VIEWER) as ada, calling(app, "vic", Role.VIEWER) as vic:
        await _register(client, "open")
        await _register(client, "hers", security=private)

        async def ids(caller: httpx.AsyncClient) -> list[str]:
            return [item["subject_id"] for item in (await caller.get(CHANGES)).json()["items"]]

        assert await ids(ada) == ["open", "hers"]
        assert await ids(vic) == ["open"]


@pytest.fixture
async def served(dsn: str) -> AsyncGenerator[tuple[FastAPI, str]]:
    """The API on a port: an in-process transport would wait for the end of a stream."""
    events = EventSettings(heartbeat_s=0.1, stream_s=60)
    async with running_api(dsn, events=events) as app:
        server = uvicorn.Server(
            uvicorn.Config(app, port=0, log_level="warning", lifespan="off", ws="none")
        )
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 (uvicorn gives no signal)
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield app, f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            await serving


async def _blocks(answer: httpx.Response) -> AsyncIterator[dict[str, str]]:
    block: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            block[name] = value
        else:
            yield block
            block = {}


async def _next_event(blocks: AsyncIterator[dict[str, str]]) -> dict[str, str]:
    async with asyncio.timeout(20):
        async for block in blocks:
            if "event" in block:
                return block
    pytest.fail("the stream ended")


async def test_a_stream_tells_events_heartbeats_and_resumes(served: tuple[FastAPI, str]):
    app, url = served
    registry: Registry = app.state.registry
    _, token = await registry.keys.create(LOCAL_ADMIN, "eve", Role.EDITOR)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as client:
        await _register(client, "a")
        async with client.stream("GET", CHANGES, headers=STREAM) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            blocks = _blocks(answer)
            event = await _next_event(blocks)
            assert event["event"] == "entry.create"
            assert orjson.loads(event["data"])["subject_id"] == "a"
            heartbeat = await anext(blocks)
            assert "" in heartbeat
            await _register(client, "b")
            assert orjson.loads((await _next_event(blocks))["data"])["subject_id"] == "b"
        for resumed_at in (event["id"], heartbeat["id"]):
            again = STREAM | {"Last-Event-ID": resumed_at}
            async with client.stream("GET", CHANGES, headers=again) as answer:
                event_b = await _next_event(_blocks(answer))
            assert orjson.loads(event_b["data"])["subject_id"] == "b"


async def test_a_stream_ends_when_its_role_loses_the_scope(served: tuple[FastAPI, str]):
    app, url = served
    registry: Registry = app.state.registry
    follower = RoleDraft(name="follower", scopes=frozenset({Scope.CHANGES_READ}))
    await registry.roles.create(LOCAL_ADMIN, follower)
    _, token = await registry.keys.create(LOCAL_ADMIN, "eve", "follower")
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as client,
        client.stream("GET", f"{CHANGES}?after=now", headers=STREAM) as answer,
    ):
        blocks = _blocks(answer)
        await anext(blocks)
        narrowed = RoleContent(scopes=frozenset({Scope.SEARCH}))
        await registry.roles.replace(LOCAL_ADMIN, "follower", narrowed)
        async with asyncio.timeout(20):
            async for block in blocks:
                assert "event" not in block


async def test_a_stream_ends_when_its_key_is_revoked(served: tuple[FastAPI, str]):
    app, url = served
    registry: Registry = app.state.registry
    key, token = await registry.keys.create(LOCAL_ADMIN, "eve", Role.EDITOR)
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as client,
        client.stream("GET", f"{CHANGES}?after=now", headers=STREAM) as answer,
    ):
        blocks = _blocks(answer)
        await anext(blocks)
        await registry.keys.revoke(LOCAL_ADMIN, key.key_id)
        async with asyncio.timeout(20):
            async for block in blocks:
                assert "event" not in block
