"""One kept-alive HTTP/1.1 connection that sends a request as soon as the last answer is in.

httptools' C parser on a bare asyncio protocol: aiohttp takes several times as much CPU for a
request as bare uvicorn for its answer, so it would be measured in place of the server.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import httptools


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and how long it took from the first byte sent to the last received."""

    status: int
    body: bytes
    latency_s: float


class Connection(asyncio.Protocol):
    """Sends the requests that `next_request` gives until it gives None.

    Parameters
    ----------
    next_request
        Gives the bytes of the next request.
    on_answer
        Told every answer.

    Attributes
    ----------
    done
        Set when the last answer is in; holds the error if the connection breaks before.
    """

    def __init__(
        self, next_request: Callable[[], bytes | None], on_answer: Callable[[Answer], None]
    ) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._next_request = next_request
        self._on_answer = on_answer
        self._sent_at = 0.0
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self._parser = httptools.HttpResponseParser(self)
        self._send()

    def data_received(self, data: bytes) -> None:
        """Pass on what arrived; the parser calls the methods below."""
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell of a connection that broke before the last answer."""
        if not self.done.done():
            self.done.set_exception(exc or ConnectionResetError("the server closed the connection"))

    def on_body(self, body: bytes) -> None:
        """Keep a part of the answer's body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Hand the answer over and send the next request."""
        latency_s = time.perf_counter() - self._sent_at
        self._on_answer(Answer(self._parser.get_status_code(), b"".join(self._body), latency_s))
        self._body.clear()
        self._send()

    def _send(self) -> None:
        request = self._next_request()
        if request is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)
