"""Refusing request bodies above a size, whether or not they announce it."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hyper_registry.domain.errors.input import RequestTooLargeError
from serve_app.errors import STATUS, problem


class BodyLimit:
    """ASGI middleware that answers 413 to bodies of more than `limit_bytes`."""

    def __init__(self, app: ASGIApp, limit_bytes: int) -> None:
        self._app = app
        self._limit_bytes = limit_bytes
        error = RequestTooLargeError("the body's size in bytes", limit_bytes)
        self._refusal = problem(STATUS[type(error)], error.code, str(error), error.remedy)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event stream."""
        # Routes read no body of a GET, so there is nothing to limit.
        if scope["type"] != "http" or scope["method"] == "GET":
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > self._limit_bytes:
            await self._refusal(scope, receive, send)
            return
        # The routes read whole bodies anyway, so reading here costs nothing and lets a body that
        # did not announce its size be refused before the application has begun to answer.
        body = bytearray()
        message = await receive()
        while message["type"] == "http.request":
            body += message.get("body", b"")
            if len(body) > self._limit_bytes:
                await self._refusal(scope, receive, send)
                return
            if not message.get("more_body", False):
                break
            message = await receive()
        pending: Message | None = message
        if message["type"] == "http.request":
            pending = {"type": "http.request", "body": bytes(body), "more_body": False}

        async def replayed() -> Message:
            nonlocal pending
            first, pending = pending, None
            return first if first is not None else await receive()

        await self._app(scope, replayed, send)
