"""What routes receive: the services of this replica, the caller, and checked parameters."""

from typing import Annotated, cast

from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from configs.settings import Settings
from hyper_registry.domain.errors import InvalidFieldError, UnauthenticatedError
from hyper_registry.domain.principal import Principal
from hyper_registry.domain.text import storable_text
from hyper_registry.factory import Registry

PREFIX = "/v1/registry"
_bearer = HTTPBearer(auto_error=False, description="An API key")


def _registry(request: Request) -> Registry:
    return cast("Registry", request.app.state.registry)


def _settings(request: Request) -> Settings:
    return cast("Settings", request.app.state.settings)


async def authenticated(
    registry: Annotated[Registry, Depends(_registry)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Principal:
    """Return who sends the request.

    Raises
    ------
    UnauthenticatedError
        If no API key was sent, or none that is valid.
    """
    if credentials is None:
        reason = "no API key was sent"
        raise UnauthenticatedError(reason)
    return await registry.keys.authenticate(credentials.credentials)


def _expected_version(if_match: Annotated[str | None, Header()] = None) -> int | None:
    if if_match is None or if_match == "*":
        return None
    version = if_match.removeprefix("W/").strip('"')
    if not version.isascii() or not version.isdigit() or len(version) > 18:
        raise InvalidFieldError(
            "If-Match", f"{if_match!r} is no ETag of an entry", "Send the ETag of the last read."
        )
    return int(version)


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


def _entry_id(entry_id: str) -> str:
    require_storable("entry_id", entry_id)
    return entry_id


Services = Annotated[Registry, Depends(_registry)]
DeploymentSettings = Annotated[Settings, Depends(_settings)]
Caller = Annotated[Principal, Depends(authenticated)]
ExpectedVersion = Annotated[int | None, Depends(_expected_version)]
EntryIdInPath = Annotated[str, Depends(_entry_id)]
