"""Refusing request bodies above a size, whether or not they announce it."""

import asyncio
from collections.abc import Mapping

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hyper_registry.domain.errors.input import RequestTooLargeError
from hyper_registry.domain.errors.request import SlowBodyError
from serve_app.errors import STATUS, error_problem, problem
from serve_app.route_policies import api_path


class BodyLimit:
    """ASGI middleware that answers 413 to bodies of more than a number of bytes.

    Parameters
    ----------
    limit_bytes
        Of a body that is held in memory.
    streamed
        Paths whose routes read the body in parts, each with the limit of its own that holds there.
    limit_s
        Time in which a body that is held in memory arrives; beyond it the answer is 408.
    """

    def __init__(
        self,
        app: ASGIApp,
        limit_bytes: int,
        streamed: Mapping[str, int] | None = None,
        *,
        limit_s: float = 60.0,
    ) -> None:
        self._app = app
        self._limit_bytes = limit_bytes
        self._limit_s = limit_s
        self._streamed = streamed or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event stream."""
        # Routes read no body of a GET, so there is nothing to limit.
        if scope["type"] != "http" or scope["method"] == "GET":
            await self._app(scope, receive, send)
            return
        streamed_bytes = self._streamed.get(api_path(scope))
        limit_bytes = self._limit_bytes if streamed_bytes is None else streamed_bytes
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > limit_bytes:
            await _refusal(limit_bytes)(scope, receive, send)
            return
        if streamed_bytes is not None:
            await self._app(scope, _counted(receive, streamed_bytes), send)
            return
        # The routes read whole bodies anyway, so reading here costs nothing and lets a body that
        # did not announce its size be refused before the application has begun to answer.
        try:
            async with asyncio.timeout(self._limit_s):
                body, message = await _whole_body(receive, limit_bytes)
        except TimeoutError:
            await error_problem(SlowBodyError(self._limit_s))(scope, receive, send)
            return
        if len(body) > limit_bytes:
            await _refusal(limit_bytes)(scope, receive, send)
            return
        pending: Message | None = message
        if message["type"] == "http.request":
            pending = {"type": "http.request", "body": bytes(body), "more_body": False}

        async def replayed() -> Message:
            nonlocal pending
            first, pending = pending, None
            return first if first is not None else await receive()

        await self._app(scope, replayed, send)


async def _whole_body(receive: Receive, limit_bytes: int) -> tuple[bytearray, Message]:
    """Read a body to its end, or until it is above the limit; also return the last message."""
    body = bytearray()
    message = await receive()
    while message["type"] == "http.request":
        body += message.get("body", b"")
        if len(body) > limit_bytes or not message.get("more_body", False):
            break
        message = await receive()
    return body, message


def _error(limit_bytes: int) -> RequestTooLargeError:
    return RequestTooLargeError("the body's size in bytes", limit_bytes)


def _refusal(limit_bytes: int) -> Response:
    error = _error(limit_bytes)
    return problem(STATUS[type(error)], error.code, str(error), error.remedy)


def _counted(receive: Receive, limit_bytes: int) -> Receive:
    """Pass a body on in parts, up to the limit; what exceeds it is an error where it is read."""
    received = 0

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit_bytes:
            raise _error(limit_bytes)
        return message

    return counted
