"""Who may ask what, and how often: decided for each request in this one place."""

import math
from typing import cast

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hyper_registry.domain.errors.access import UnauthenticatedError
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.principal import Principal
from hyper_registry.domain.rate_class import rate_class
from hyper_registry.registry import Registry
from hyper_registry.security.rate_limits import Standing
from serve_app.recording import refusal
from serve_app.route_policies import RoutePolicy, api_path, policy_of


class Admission:
    """ASGI middleware that puts the caller into the scope's state as `principal`.

    Beside it stands the `policy` of the route. Requests for what is no route are passed on, for
    the router to answer; their state holds no caller, without which no route that has one answers.

    Parameters
    ----------
    proxies
        How many proxies stand in front, each of which appends to ``X-Forwarded-For`` whom it was
        asked by; with none the header is not believed.
    """

    def __init__(self, app: ASGIApp, *, proxies: int = 0) -> None:
        self._app = app
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event stream."""
        policy = policy_of(scope["method"], api_path(scope)) if scope["type"] == "http" else None
        if policy is None:
            await self._app(scope, receive, send)
            return
        registry = cast("Registry", scope["app"].state.registry)
        state = scope.setdefault("state", {})
        state["policy"] = policy
        try:
            principal = await self._caller(scope, registry)
            state["principal"] = principal
            principal = principal.admitted(policy.scope, f"{policy.method} {policy.path}")
            state["principal"] = principal
            standing = await registry.rate_limits.admit(
                principal.credential, rate_class(policy.scope)
            )
        except RegistryError as error:
            await refusal(scope, error)(scope, receive, send)
            return
        if standing is None:
            await self._app(scope, receive, send)
            return
        fields = _fields(standing)

        async def send_with_standing(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *fields]
            await send(message)

        await self._app(scope, receive, send_with_standing)

    async def _caller(self, scope: Scope, registry: Registry) -> Principal:
        token = _bearer_token(scope)
        if token is None:
            reason = "no API key was sent"
            raise UnauthenticatedError(reason)
        known = registry.authentication.known(token)
        if known is not None:
            return known
        # What is not known has to be looked up: who guesses may not ask for that without end.
        address = client_address(scope, self._proxies)
        registry.failed_attempts.require_allowed(address)
        try:
            return await registry.authentication.authenticate(token)
        except UnauthenticatedError:
            registry.failed_attempts.record(address)
            raise


async def admitted_again(request: Request) -> Principal:
    """Return who sent a request that is still being answered, with the permissions it has by now.

    Raises
    ------
    UnauthenticatedError
        If its key or token is not valid any more.
    PermissionDeniedError
        If it has not the scope of the route any more.
    """
    registry = cast("Registry", request.app.state.registry)
    policy = cast("RoutePolicy", request.state.policy)
    token = _bearer_token(request.scope)
    if token is None:
        reason = "no API key was sent"
        raise UnauthenticatedError(reason)
    principal = await registry.authentication.authenticate(token)
    principal.require(policy.scope, f"{policy.method} {policy.path}")
    return principal


def client_address(scope: Scope, proxies: int) -> str:
    """Return whom a request comes from: the peer, or whom the outermost of our proxies saw."""
    if proxies:
        forwarded = [
            part.strip()
            for name, value in scope["headers"]
            if name == b"x-forwarded-for"
            for part in cast("bytes", value).decode("latin-1").split(",")
        ]
        if len(forwarded) >= proxies:
            return forwarded[-proxies]
    client = scope.get("client")
    return str(client[0]) if client else ""


def _bearer_token(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, token = cast("bytes", value).decode("latin-1").partition(" ")
            if scheme.lower() == "bearer" and token.strip():
                return token.strip()
    return None


def _fields(standing: Standing) -> list[tuple[bytes, bytes]]:
    """Return the header fields of draft-ietf-httpapi-ratelimit-headers-07."""
    return [
        (b"ratelimit-limit", b"%d" % standing.limit),
        (b"ratelimit-remaining", b"%d" % standing.remaining),
        (b"ratelimit-reset", b"%d" % math.ceil(standing.reset_s)),
    ]
