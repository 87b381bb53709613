"""What routes receive: the services of this replica, the caller, and checked parameters.

Each is a coroutine function although few of them wait: FastAPI runs a plain function in a thread,
which costs more than all that they do.
"""

from enum import StrEnum
from typing import Annotated, cast

from fastapi import Body, Depends, Header, Path, Query, Request
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.security.base import SecurityBase
from pydantic import AfterValidator, AwareDatetime, JsonValue

from configs.settings import Settings
from hyper_registry.domain.errors.access import PermissionDeniedError
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.principal import Principal
from hyper_registry.domain.text import storable_text
from hyper_registry.registry import Registry
from serve_app.entity_tags import tagged_versions


class ApiKeyBearer(SecurityBase):
    """Gives the caller that `Admission` has admitted.

    One dependency without others below it, because FastAPI walks through all of them at every
    request.
    """

    def __init__(self) -> None:
        self.model = HTTPBearerModel(description="An API key, or a token of a configured issuer")
        self.scheme_name = "ApiKey"

    async def __call__(self, request: Request) -> Principal:
        """Return who sends the request.

        Raises
        ------
        PermissionDeniedError
            If the route has no policy, so that nobody was admitted.
        """
        principal = getattr(request.state, "principal", None)
        if principal is None:
            raise PermissionDeniedError(
                "anybody", "none", f"{request.method} a route without a policy"
            )
        return cast("Principal", principal)


async def _registry(request: Request) -> Registry:
    return cast("Registry", request.app.state.registry)


async def _settings(request: Request) -> Settings:
    return cast("Settings", request.app.state.settings)


async def _request_id(request: Request) -> str:
    return cast("str", request.state.request_id)


async def _expected_versions(
    if_match: Annotated[list[str] | None, Header()] = None,
) -> frozenset[int] | None:
    return None if if_match is None else tagged_versions("If-Match", if_match)


def require_storable(field: str, value: str | None) -> None:
    """Refuse a parameter that no stored text can equal.

    Raises
    ------
    InvalidFieldError
        If it holds NUL or a lone surrogate.
    """
    if value is None:
        return
    try:
        storable_text(value)
    except ValueError as error:
        raise InvalidFieldError(field, str(error), "Send text that UTF-8 can encode.") from error


class WaitFor(StrEnum):
    """What a write may wait for beyond its commit."""

    EMBEDDED = "embedded"


async def _embedding_limit_s(
    wait: Annotated[
        WaitFor | None,
        Query(description="`embedded`: answer once the vector is stored, so that search finds it."),
    ] = None,
    wait_s: Annotated[
        float,
        Query(
            gt=0,
            le=60,
            description="Seconds to wait at most. What is written stays written when they are "
            "over: the answer then says `embedded: false`, and the vector follows.",
        ),
    ] = 10,
) -> float | None:
    return None if wait is None else wait_s


Services = Annotated[Registry, Depends(_registry)]
DeploymentSettings = Annotated[Settings, Depends(_settings)]
Caller = Annotated[Principal, Depends(ApiKeyBearer())]
ExpectedVersions = Annotated[frozenset[int] | None, Depends(_expected_versions)]
"""What If-Match allows; None if it allows any version."""
IfNoneMatch = Annotated[list[str] | None, Header()]
MergePatch = Annotated[dict[str, JsonValue], Body(media_type="application/merge-patch+json")]
PageLimit = Annotated[int, Query(ge=1, le=1_000)]
VersionPageLimit = Annotated[int, Query(ge=1, le=200)]
VersionBefore = Annotated[
    int | None, Query(ge=1, le=2**31 - 1, description="The `next_before` of the page before.")
]
VersionInPath = Annotated[int, Path(ge=1, le=2**62)]
Moment = Annotated[AwareDatetime | None, Query(description="As it was then, RFC 3339.")]
EntryIdInPath = Annotated[str, AfterValidator(storable_text)]
NameInPath = Annotated[str, AfterValidator(storable_text)]
KeyIdInPath = Annotated[str, AfterValidator(storable_text)]
RoleNameInPath = Annotated[str, AfterValidator(storable_text)]
RequestIdentifier = Annotated[str, Depends(_request_id)]
EmbeddingLimit = Annotated[float | None, Depends(_embedding_limit_s)]
"""Seconds to wait for the vectors of what is written; None if the caller does not wait."""
