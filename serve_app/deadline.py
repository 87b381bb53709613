"""An end to every request: what takes too long is cancelled, its Postgres query included."""

import asyncio
from collections.abc import Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hyper_registry.domain.errors.request import DeadlineExceededError
from serve_app.errors import error_problem
from serve_app.route_policies import api_path


class Deadline:
    """ASGI middleware that answers 503 to what has not begun to answer within `limit_s`.

    An answer that has begun may take its time: exports and event streams do. Cancelling a request
    cancels the query that it waits for, and rolls back what it has not committed.

    Parameters
    ----------
    unlimited
        Paths whose routes read their body in parts, for as long as that takes.
    """

    def __init__(self, app: ASGIApp, limit_s: float, unlimited: Collection[str] = ()) -> None:
        self._app = app
        self._limit_s = limit_s
        self._unlimited = frozenset(unlimited)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event stream."""
        if scope["type"] != "http" or api_path(scope) in self._unlimited:
            await self._app(scope, receive, send)
            return
        begun = False
        deadline = asyncio.timeout(self._limit_s)

        async def send_begun(message: Message) -> None:
            nonlocal begun
            if not begun:
                begun = True
                deadline.reschedule(None)
            await send(message)

        try:
            async with deadline:
                await self._app(scope, receive, send_begun)
        except TimeoutError:
            if begun or not deadline.expired():
                raise
            await error_problem(DeadlineExceededError(self._limit_s))(scope, receive, send)
