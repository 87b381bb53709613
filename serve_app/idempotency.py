"""POSTs that carry an Idempotency-Key are carried out once, however often they are sent."""

import re
from typing import cast

from fastapi import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.principal import Principal
from hyper_registry.registry import Registry
from hyper_registry.security.idempotency import ClaimedRequest, IdempotencyService
from hyper_registry.storage.idempotency_store import KeptAnswer
from serve_app.recording import refusal

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"

_NAME = HEADER.lower().encode()
_PRINTABLE = re.compile(rb"[\x21-\x7e]{1,255}")
# Answers that say nothing of the request itself: sent again, it may well succeed.
_PASSING = frozenset({408, 429})


class Idempotency:
    """ASGI middleware that answers a repeated POST with what was answered first.

    It stands within `Admission`, which has found the caller, and `BodyLimit`, which has read the
    whole body.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event stream."""
        key = _sent_key(scope)
        if key is None:
            await self._app(scope, receive, send)
            return
        principal = cast("Principal", scope["state"]["principal"])
        requests = cast("Registry", scope["app"].state.registry).idempotency
        message = await receive()
        if message["type"] != "http.request":
            return
        try:
            if _PRINTABLE.fullmatch(key) is None:
                raise InvalidFieldError(
                    HEADER, "is not 1 to 255 printable ASCII characters", "Send a UUID, say."
                )
            if message.get("more_body", False):
                raise InvalidFieldError(
                    HEADER,
                    "is not for a body that is read in parts",
                    "Leave it out: such a request may be sent again as it is.",
                )
            claimed = await requests.claim(
                principal.credential, _route(scope), key.decode(), message.get("body", b"")
            )
        except RegistryError as error:
            await refusal(scope, error)(scope, receive, send)
            return
        if isinstance(claimed, KeptAnswer):
            headers = claimed.headers | {REPLAYED: "true"}
            await Response(claimed.body, claimed.status, headers)(scope, receive, send)
            return
        await self._carry_out(requests, claimed, message, scope, receive, send)

    async def _carry_out(
        self,
        requests: IdempotencyService,
        claimed: ClaimedRequest,
        body: Message,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        pending: Message | None = body

        async def replayed() -> Message:
            nonlocal pending
            first, pending = pending, None
            return first if first is not None else await receive()

        answer = _GatheredAnswer(requests.answer_bytes)

        async def gather(message: Message) -> None:
            answer.add(message)
            if answer.is_whole:
                # Before its last part is sent: whoever repeats the request then finds it.
                await _conclude(requests, claimed, answer)
            await send(message)

        try:
            with requests.writing(claimed):
                await self._app(scope, replayed, gather)
        except Exception:
            if not answer.is_whole:
                await requests.release(claimed)
            raise


class _GatheredAnswer:
    """An answer as it is sent, up to a size."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._body: bytearray | None = bytearray()
        self.status = 0
        # Whether its last part was gathered.
        self.is_whole = False
        self._headers: dict[str, str] = {}

    def add(self, message: Message) -> None:
        """Gather one message of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._headers = {
                name.decode("latin-1"): value.decode("latin-1")
                for name, value in message["headers"]
                if name != b"content-length"
            }
            # Such answers hold secrets, which are stored nowhere.
            if "no-store" in self._headers.get("cache-control", ""):
                self._body = None
        elif message["type"] == "http.response.body":
            body = self._body
            if body is not None:
                body += message.get("body", b"")
                self._body = body if len(body) <= self._limit_bytes else None
            self.is_whole = not message.get("more_body", False)

    @property
    def kept(self) -> KeptAnswer:
        """What is to be kept of it."""
        body = None if self._body is None else bytes(self._body)
        return KeptAnswer(self.status, self._headers, body)


async def _conclude(
    requests: IdempotencyService, claimed: ClaimedRequest, answer: _GatheredAnswer
) -> None:
    if answer.status >= 500 or answer.status in _PASSING:
        await requests.release(claimed)
    else:
        await requests.complete(claimed, answer.kept)


def _sent_key(scope: Scope) -> bytes | None:
    """Return the key of a request that is to be carried out once; None for all others."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return None
    if "principal" not in scope.get("state", {}):
        return None
    return next((value for name, value in scope["headers"] if name == _NAME), None)


def _route(scope: Scope) -> str:
    return f"{scope['method']} {scope['path']}?{scope['query_string'].decode('latin-1')}"
