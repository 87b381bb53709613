"""Request ids: taken over from the caller or made here, told back, and written to the audit log."""

import re
import uuid

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hyper_registry.domain.errors.input import InvalidFieldError
from serve_app.errors import STATUS, problem

HEADER = "X-Request-Id"
"""Header of requests and answers."""

_NAME = HEADER.lower().encode()
_PRINTABLE = re.compile(rb"[\x20-\x7e]{1,128}")


class RequestId:
    """ASGI middleware that gives each request an id, `request_id` in the scope's state.

    Parameters
    ----------
    echo
        Whether to tell it in the answer; false where the server in front does so.
    """

    def __init__(self, app: ASGIApp, *, echo: bool = True) -> None:
        self._app = app
        self._echo = echo
        error = InvalidFieldError(
            HEADER, "is not 1 to 128 printable ASCII characters", "Send a shorter id, or none."
        )
        self._refusal = problem(
            STATUS[type(error)], error.code, str(error), error.remedy, field=error.field
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event stream."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == _NAME), None)
        if given is not None and _PRINTABLE.fullmatch(given) is None:
            await self._refusal(scope, receive, send)
            return
        request_id = uuid.uuid4().hex if given is None else given.decode()
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        await self._app(scope, receive, send_with_id if self._echo else send)
