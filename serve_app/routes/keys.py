"""API keys: created and shown once, listed, rotated, ended."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from hyper_registry.domain.api_key import ApiKey
from hyper_registry.domain.identifiers import KeyId
from hyper_registry.domain.scope import Scope
from hyper_registry.domain.text import Line
from serve_app.answers import json_answer
from serve_app.dependencies import (
    Caller,
    KeyIdInPath,
    RequestIdentifier,
    Services,
    require_storable,
)
from serve_app.route_policies import PREFIX

router = APIRouter()

_LONGEST_OVERLAP_S = 30 * 24 * 3600


class NewKey(BaseModel):
    """A key to create: whose it is, and what it may do."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Line, Field(max_length=200, description="Principal that the key speaks for.")]
    role: Annotated[Line, Field(max_length=63)] = "viewer"
    groups: Annotated[frozenset[Line], Field(max_length=1_000)] = frozenset()
    scopes: Annotated[
        frozenset[Scope] | None,
        Field(min_length=1, description="Some of the role's scopes; null for all of them."),
    ] = None
    expires_at: AwareDatetime | None = None


class Rotation(BaseModel):
    """How a key's secret is replaced."""

    model_config = ConfigDict(extra="forbid")

    overlap_s: Annotated[
        float,
        Field(
            ge=0,
            le=_LONGEST_OVERLAP_S,
            allow_inf_nan=False,
            description="Seconds for which the secret before stays valid.",
        ),
    ] = 0


class Expiry(BaseModel):
    """When a key ends to be valid; null for never."""

    model_config = ConfigDict(extra="forbid")

    expires_at: AwareDatetime | None


class KeyAnswer(BaseModel):
    """A key, without its secret."""

    model_config = ConfigDict(from_attributes=True)

    key_id: str
    name: str
    role: str
    groups: list[str]
    scopes: list[Scope] | None
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    rotated_at: datetime | None
    previous_until: datetime | None
    last_used_at: datetime | None


class ShownKey(KeyAnswer):
    """A key with its token, which is shown only now."""

    token: str


class KeyPage(BaseModel):
    """Some keys, newest first; `next_after` continues, null ends."""

    items: list[KeyAnswer]
    next_after: str | None


@router.post("/keys", status_code=201, response_model=ShownKey)
async def create_key(
    body: NewKey, registry: Services, caller: Caller, request_id: RequestIdentifier
) -> Response:
    """Create a key no stronger than the caller, and show its token once."""
    key, token = await registry.keys.create(
        caller,
        body.name,
        body.role,
        body.groups,
        body.expires_at,
        body.scopes,
        request_id=request_id,
    )
    return _shown(key, token, 201, {"Location": f"{PREFIX}/keys/{key.key_id}"})


@router.get("/keys", response_model=KeyPage)
async def list_keys(
    registry: Services,
    caller: Caller,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> Response:
    """List the keys that the caller handles, newest first, page by page."""
    require_storable("after", after)
    keys = await registry.keys.list_page(
        caller, after=None if after is None else KeyId(after), limit=limit
    )
    last = keys[-1].key_id if len(keys) == limit else None
    return json_answer(KeyPage(items=[_answer(key) for key in keys], next_after=last))


@router.get("/keys/{key_id}", response_model=KeyAnswer)
async def get_key(key_id: KeyIdInPath, registry: Services, caller: Caller) -> Response:
    """Read a key."""
    return json_answer(_answer(await registry.keys.get(caller, KeyId(key_id))))


@router.post("/keys/{key_id}/rotate", response_model=ShownKey)
async def rotate_key(
    key_id: KeyIdInPath,
    body: Rotation,
    registry: Services,
    caller: Caller,
    request_id: RequestIdentifier,
) -> Response:
    """Give a key a new secret, and show its token once."""
    key, token = await registry.keys.rotate(
        caller, KeyId(key_id), overlap_s=body.overlap_s, request_id=request_id
    )
    return _shown(key, token)


@router.put("/keys/{key_id}/expiry", response_model=KeyAnswer)
async def set_expiry(
    key_id: KeyIdInPath,
    body: Expiry,
    registry: Services,
    caller: Caller,
    request_id: RequestIdentifier,
) -> Response:
    """Set when a key ends to be valid."""
    key = await registry.keys.set_expiry(
        caller, KeyId(key_id), body.expires_at, request_id=request_id
    )
    return json_answer(_answer(key))


@router.delete("/keys/{key_id}", status_code=204)
async def revoke_key(
    key_id: KeyIdInPath, registry: Services, caller: Caller, request_id: RequestIdentifier
) -> None:
    """Revoke a key."""
    await registry.keys.revoke(caller, KeyId(key_id), request_id=request_id)


def _fields(key: ApiKey) -> dict[str, Any]:
    names = KeyAnswer.model_fields.keys() - {"groups", "scopes"}
    return {
        **{name: getattr(key, name) for name in names},
        "groups": sorted(key.groups),
        "scopes": None if key.scopes is None else sorted(key.scopes),
    }


def _answer(key: ApiKey) -> KeyAnswer:
    return KeyAnswer.model_validate(_fields(key))


def _shown(
    key: ApiKey, token: str, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    # No cache between may keep what is shown once.
    return json_answer(
        ShownKey.model_validate(_fields(key) | {"token": token}),
        status,
        {"Cache-Control": "no-store", **(headers or {})},
    )
