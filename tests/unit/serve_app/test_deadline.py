"""Requests and bodies that take too long, on the middlewares alone."""

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from serve_app.body_limit import BodyLimit
from serve_app.deadline import Deadline


def _scope(path: str = "/x", method: str = "POST") -> dict[str, Any]:
    return {"type": "http", "method": method, "path": path, "headers": []}


async def _answered(app: Any, scope: dict[str, Any], receive: Receive) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


async def _empty() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def test_what_never_answers_is_cancelled_and_answered_with_503():
    cancelled = False

    async def stuck(_scope: Scope, _receive: Receive, _send: Send) -> None:
        nonlocal cancelled
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled = True
            raise

    start, body = await _answered(Deadline(stuck, 0.01), _scope(), _empty)
    assert cancelled
    assert start["status"] == 503
    assert dict(start["headers"])[b"retry-after"] == b"5"
    assert b"deadline_exceeded" in body["body"]


async def test_an_answer_that_has_begun_may_take_its_time():
    go_on = asyncio.Event()

    async def slow(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        asyncio.get_running_loop().call_later(0.05, go_on.set)
        await go_on.wait()
        await send({"type": "http.response.body", "body": b"done"})

    sent = await _answered(Deadline(slow, 0.01), _scope(), _empty)
    assert [message.get("status") or message.get("body") for message in sent] == [200, b"done"]


async def test_a_timeout_of_the_route_s_own_is_no_deadline():
    async def failing(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await _answered(Deadline(failing, 60), _scope(), _empty)


async def test_a_body_that_does_not_arrive_is_answered_with_408():
    async def unreached(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise AssertionError

    limited = BodyLimit(unreached, 100, limit_s=0.01)
    start, body = await _answered(limited, _scope(), _never)
    assert start["status"] == 408
    assert b"body_too_slow" in body["body"]
