from datetime import UTC, datetime

import pytest

from hyper_registry.domain.errors import (
    KeyNotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from hyper_registry.domain.identifiers import KeyId
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.storage.database import Database
from tests.support.services import ADMIN, EDITOR, build_services


async def test_a_created_key_authenticates_its_principal(database: Database):
    keys = build_services(database).keys
    _, token = await keys.create(ADMIN, "reader", Role.VIEWER, frozenset({"data"}))
    assert await keys.authenticate(token) == Principal("reader", Role.VIEWER, frozenset({"data"}))


async def test_the_secret_is_not_stored(database: Database):
    keys = build_services(database).keys
    key, token = await keys.create(ADMIN, "reader", Role.VIEWER)
    secret = token.removeprefix(f"hr_{key.key_id}_")
    async with database.connection() as connection:
        row = await connection.fetchval("select k::text from api_key k")
    assert key.key_id in row
    assert secret not in row
    assert len(secret) == 64


async def test_wrong_revoked_and_expired_keys_are_refused_alike(database: Database):
    keys = build_services(database).keys
    revoked, revoked_token = await keys.create(ADMIN, "one", Role.ADMIN)
    await keys.revoke(ADMIN, revoked.key_id)
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    _, expired_token = await keys.create(ADMIN, "two", Role.ADMIN, expires_at=long_ago)
    living, _ = await keys.create(ADMIN, "three", Role.ADMIN)
    wrong = f"hr_{living.key_id}_{'0' * 64}"
    messages: set[str] = set()
    for token in (revoked_token, expired_token, wrong, "hr_ffffffffffff_00"):
        with pytest.raises(UnauthenticatedError) as caught:
            await keys.authenticate(token)
        messages.add(str(caught.value))
    assert messages == {"the API key is not valid"}
    with pytest.raises(UnauthenticatedError, match="malformed"):
        await keys.authenticate("nonsense")


async def test_only_administrators_handle_keys(database: Database):
    keys = build_services(database).keys
    with pytest.raises(PermissionDeniedError):
        await keys.create(EDITOR, "mine", Role.ADMIN)
    with pytest.raises(PermissionDeniedError):
        await keys.list_all(EDITOR)
    with pytest.raises(KeyNotFoundError):
        await keys.revoke(ADMIN, KeyId("none"))
    assert await keys.list_all(ADMIN) == []
