"""Who may ask what: each request's caller is found and its scope checked, in this one place."""

from typing import cast

from starlette.types import ASGIApp, Receive, Scope, Send

from hyper_registry.domain.errors.access import UnauthenticatedError
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.factory import Registry
from serve_app.errors import error_problem
from serve_app.route_policies import policy_of


class Admission:
    """ASGI middleware that puts the caller, once admitted, into the scope's state as `principal`.

    Requests for what is no route are passed on, for the router to answer; their state holds no
    caller, without which no route that has a caller answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event stream."""
        policy = policy_of(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if policy is None:
            await self._app(scope, receive, send)
            return
        registry = cast("Registry", scope["app"].state.registry)
        try:
            principal = await registry.authentication.authenticate(bearer_token(scope))
            principal.require(policy.scope, f"{policy.method} {policy.path}")
        except RegistryError as error:
            await error_problem(error)(scope, receive, send)
            return
        scope.setdefault("state", {})["principal"] = principal
        await self._app(scope, receive, send)


def bearer_token(scope: Scope) -> str:
    """Return the token in the Authorization header.

    Raises
    ------
    UnauthenticatedError
        If there is none.
    """
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, token = cast("bytes", value).decode("latin-1").partition(" ")
            if scheme.lower() == "bearer" and token.strip():
                return token.strip()
    reason = "no API key was sent"
    raise UnauthenticatedError(reason)
