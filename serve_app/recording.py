"""Recording what writes no audit row by itself: refused requests, and reads where that is set."""

from collections.abc import Awaitable, Callable
from typing import cast

from fastapi import Request, Response
from starlette.datastructures import State
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hyper_registry.audit.gathered import GatheredOperations, Operation
from hyper_registry.domain.audit import Outcome
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.registry import Registry
from serve_app.errors import error_problem
from serve_app.route_policies import RoutePolicy, api_path

ANONYMOUS = "anonymous"
"""Actor of a request without a valid key."""

_READING = ("GET", "HEAD")


def recorded(
    answer: Callable[[Request, Exception], Response],
) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Return an exception handler that records the refusal and answers as `answer` does.

    Recorded are all requests that were denied, and all writes that failed otherwise.
    """

    async def answered(request: Request, error: Exception) -> Response:
        response = answer(request, error)
        code = error.code if isinstance(error, RegistryError) else str(response.status_code)
        _record_refusal(request.scope, response.status_code, code)
        return response

    return answered


def refusal(scope: Scope, error: RegistryError) -> Response:
    """Return the answer of a middleware that refuses a request, and record it as `recorded` does.

    The scope's state holds the `policy` of the route.
    """
    response = error_problem(error)
    _record_refusal(scope, response.status_code, error.code)
    return response


class ReadRecording:
    """ASGI middleware that records who read what; installed only where reads are recorded."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event stream."""
        if scope["type"] != "http" or scope["method"] not in _READING:
            await self._app(scope, receive, send)
            return

        async def send_recorded(message: Message) -> None:
            if message["type"] == "http.response.start" and "principal" in scope["state"]:
                status: int = message["status"]
                # Denied requests are recorded in any case.
                if status not in {401, 403}:
                    registry = cast("Registry", cast("State", scope["app"].state).registry)
                    code = None if status < 400 else str(status)
                    outcome = Outcome.OK if code is None else Outcome.FAILED
                    _record(registry.recorded_reads, scope, outcome, code)
            await send(message)

        await self._app(scope, receive, send_recorded)


def _record_refusal(scope: Scope, status: int, code: str) -> None:
    denied = status in {401, 403}
    registry = cast("Registry | None", getattr(scope["app"].state, "registry", None))
    if registry is not None and (denied or scope["method"] not in _READING):
        outcome = Outcome.DENIED if denied else Outcome.FAILED
        _record(registry.refusals, scope, outcome, code)


def _record(gathered: GatheredOperations, scope: Scope, outcome: Outcome, code: str | None) -> None:
    state = scope.get("state", {})
    policy = cast("RoutePolicy | None", state.get("policy"))
    path = "unknown path" if policy is None else policy.path
    values = [] if policy is None else policy.values(api_path(scope))
    gathered.record(
        Operation(
            getattr(state.get("principal"), "name", ANONYMOUS),
            f"{scope['method']} {path}",
            " ".join(values) or None,
            outcome,
            code,
        ),
        state.get("request_id"),
    )
