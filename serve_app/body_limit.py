"""Refusing request bodies above a size, whether or not they announce it."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hyper_registry.domain.errors import RequestTooLargeError
from serve_app.errors import STATUS, problem


class BodyLimit:
    """ASGI middleware that answers 413 to bodies of more than `limit_bytes`."""

    def __init__(self, app: ASGIApp, limit_bytes: int) -> None:
        self._app = app
        self._limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event stream."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        error = RequestTooLargeError("the body's size in bytes", self._limit_bytes)
        refusal = problem(STATUS[type(error)], error.code, str(error), error.remedy)
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > self._limit_bytes:
            await refusal(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._limit_bytes:
                raise error
            return message

        await self._app(scope, counted, send)
