import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from hyper_registry.domain.errors.access import (
    KeyNotFoundError,
    PermissionDeniedError,
    RoleNotFoundError,
    UnauthenticatedError,
)
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.identifiers import KeyId
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.domain.role import RoleDraft
from hyper_registry.domain.scope import Scope
from hyper_registry.security.api_keys import ApiKeyService
from hyper_registry.security.key_uses import KeyUses
from hyper_registry.security.roles import RoleService
from hyper_registry.security.verified_keys import VerifiedKeys
from hyper_registry.storage.database import Database
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.key_store import KeyStore
from hyper_registry.storage.notifications import Listener
from hyper_registry.storage.role_store import RoleStore
from tests.support.services import ADMIN, EDITOR, build_services
from tests.support.waiting import until


class CountingKeyStore(KeyStore):
    """The key store, which also counts how often a key is looked up."""

    fetched = 0

    async def fetch_secret(self, connection, key_id):
        self.fetched += 1
        return await super().fetch_secret(connection, key_id)


@asynccontextmanager
async def _listening(*services: ApiKeyService, dsn: str) -> AsyncGenerator[None]:
    """Each service hears of revocations by a listener of its own, as in processes of their own."""
    tasks: list[asyncio.Task[None]] = []
    for service in services:
        listener = Listener(dsn)
        listener.subscribe(service.revocations)
        tasks.append(asyncio.create_task(listener.listen()))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _replica(database: Database) -> tuple[ApiKeyService, CountingKeyStore]:
    store = CountingKeyStore()
    return ApiKeyService(database, store, RoleStore(), JournalStore(), VerifiedKeys()), store


async def _is_refused(keys: ApiKeyService, token: str) -> bool:
    try:
        await keys.authenticate(token)
    except UnauthenticatedError:
        return True
    return False


async def _held(keys: ApiKeyService, store: CountingKeyStore, token: str) -> bool:
    """Whether authenticating needs no look-up."""
    await keys.authenticate(token)
    before = store.fetched
    await keys.authenticate(token)
    return store.fetched == before


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
        await keys.list_page(EDITOR)
    with pytest.raises(KeyNotFoundError):
        await keys.revoke(ADMIN, KeyId("none"))
    assert await keys.list_page(ADMIN) == []


async def test_a_key_revoked_on_one_replica_is_refused_on_another(database: Database, dsn: str):
    (here, _), (there, store) = _replica(database), _replica(database)
    key, token = await here.create(ADMIN, "eve", Role.EDITOR)
    other_key, other_token = await here.create(ADMIN, "vic", Role.VIEWER)
    async with _listening(here, there, dsn=dsn):
        await until(lambda: _held(there, store, token))
        await until(lambda: _held(there, store, other_token))
        await here.revoke(ADMIN, key.key_id)
        await until(lambda: _is_refused(there, token))
        await until(lambda: _is_refused(here, token))
        assert (await there.authenticate(other_token)).name == "vic"
    assert other_key.key_id != key.key_id


async def test_without_a_listener_every_request_asks_postgres(database: Database, dsn: str):
    keys, store = _replica(database)
    key, token = await keys.create(ADMIN, "eve", Role.EDITOR)
    for _ in range(3):
        await keys.authenticate(token)
    assert store.fetched == 3
    async with _listening(keys, dsn=dsn):
        await until(lambda: _held(keys, store, token))
    before = store.fetched
    for _ in range(3):
        await keys.authenticate(token)
    assert store.fetched == before + 3
    await keys.revoke(ADMIN, key.key_id)
    assert await _is_refused(keys, token)


async def test_a_held_key_is_refused_once_it_has_expired(database: Database, dsn: str):
    keys, store = _replica(database)
    _, lasting = await keys.create(ADMIN, "ada", Role.ADMIN)
    async with _listening(keys, dsn=dsn):
        await until(lambda: _held(keys, store, lasting))
        soon = datetime.now(UTC) + timedelta(seconds=2)
        _, token = await keys.create(ADMIN, "eve", Role.EDITOR, expires_at=soon)
        assert await _held(keys, store, token)
        await until(lambda: _is_refused(keys, token))
    assert datetime.now(UTC) >= soon - timedelta(milliseconds=50)


async def test_a_revocation_that_is_rolled_back_changes_nothing(database: Database, dsn: str):
    keys, store = _replica(database)
    _, token = await keys.create(ADMIN, "eve", Role.EDITOR)
    async with _listening(keys, dsn=dsn):
        await until(lambda: _held(keys, store, token))
        with pytest.raises(KeyNotFoundError):
            await keys.revoke(ADMIN, KeyId("none"))
        assert (await keys.authenticate(token)).name == "eve"


async def test_the_secret_before_a_rotation_is_valid_for_the_overlap(database: Database, dsn: str):
    keys, store = _replica(database)
    key, before = await keys.create(ADMIN, "eve", Role.EDITOR)
    _, after = await keys.rotate(ADMIN, key.key_id, overlap_s=60)
    assert after != before
    async with _listening(keys, dsn=dsn):
        await until(lambda: _held(keys, store, before))
        assert await keys.authenticate(after) == await keys.authenticate(before)
        # Rotated once more without an overlap, neither of the earlier secrets is left.
        _, last = await keys.rotate(ADMIN, key.key_id)
        await until(lambda: _is_refused(keys, before))
        await until(lambda: _is_refused(keys, after))
        assert (await keys.authenticate(last)).name == "eve"


async def test_an_expiry_is_heard_at_once(database: Database, dsn: str):
    (here, _), (there, store) = _replica(database), _replica(database)
    key, token = await here.create(ADMIN, "eve", Role.EDITOR)
    async with _listening(there, dsn=dsn):
        await until(lambda: _held(there, store, token))
        await here.set_expiry(ADMIN, key.key_id, datetime(2020, 1, 1, tzinfo=UTC))
        await until(lambda: _is_refused(there, token))
        await here.set_expiry(ADMIN, key.key_id, None)
        assert (await there.authenticate(token)).name == "eve"


async def test_a_manager_handles_its_own_keys_alone_and_makes_none_stronger(database: Database):
    keys = build_services(database).keys
    roles = RoleService(database, RoleStore(), JournalStore())
    scopes = frozenset({Scope.KEYS_MANAGE, Scope.ENTRIES_READ, Scope.SEARCH})
    await roles.create(ADMIN, RoleDraft(name="manager", scopes=scopes))
    _, token = await keys.create(ADMIN, "mona", "manager", frozenset({"data"}))
    other, _ = await keys.create(ADMIN, "eve", Role.VIEWER)
    strong, _ = await keys.create(ADMIN, "mona", Role.EDITOR)
    mona = await keys.authenticate(token)
    child, _ = await keys.create(
        mona, "mona", "manager", frozenset({"data"}), scopes=frozenset({Scope.SEARCH})
    )
    for name, role, groups in (
        ("eve", "manager", frozenset[str]()),
        ("mona", Role.VIEWER, frozenset[str]()),
        ("mona", Role.ADMIN, frozenset[str]()),
        ("mona", "manager", frozenset({"money"})),
    ):
        with pytest.raises(PermissionDeniedError):
            await keys.create(mona, name, role, groups)
    with pytest.raises(PermissionDeniedError):
        await keys.rotate(mona, strong.key_id)
    for work in (keys.get, keys.rotate, keys.revoke):
        with pytest.raises(KeyNotFoundError):
            await work(mona, other.key_id)
    listed = [key.key_id for key in await keys.list_page(mona)]
    assert listed[:2] == [child.key_id, strong.key_id]
    assert other.key_id not in listed
    assert [key.key_id for key in await keys.list_page(mona, after=child.key_id, limit=1)] == [
        strong.key_id
    ]


async def test_a_key_that_ends_makes_none_that_outlives_it(database: Database):
    keys = build_services(database).keys
    end = datetime.now(UTC) + timedelta(hours=1)
    key, token = await keys.create(ADMIN, "tom", Role.ADMIN, expires_at=end)
    tom = await keys.authenticate(token)
    for later in (None, end + timedelta(seconds=1)):
        with pytest.raises(InvalidFieldError, match="when the key you use ends"):
            await keys.create(tom, "eve", Role.VIEWER, expires_at=later)
        with pytest.raises(InvalidFieldError, match="when the key you use ends"):
            await keys.set_expiry(tom, key.key_id, later)
    child, _ = await keys.create(tom, "eve", Role.VIEWER, expires_at=end)
    assert child.expires_at == end
    assert len(await keys.list_page(ADMIN)) == 2


async def test_scopes_beyond_the_role_are_refused(database: Database):
    keys = build_services(database).keys
    with pytest.raises(InvalidFieldError, match="entries:write"):
        await keys.create(ADMIN, "a", Role.VIEWER, scopes=frozenset({Scope.ENTRIES_WRITE}))
    with pytest.raises(RoleNotFoundError):
        await keys.create(ADMIN, "a", "nobody")


async def test_uses_are_recorded_together(database: Database):
    store = KeyStore()
    uses = KeyUses(database, store)
    keys = ApiKeyService(database, store, RoleStore(), JournalStore(), uses=uses)
    key, token = await keys.create(ADMIN, "eve", Role.EDITOR)
    unused, _ = await keys.create(ADMIN, "vic", Role.VIEWER)
    await keys.authenticate(token)
    assert (await keys.get(ADMIN, key.key_id)).last_used_at is None
    await uses.flush()
    assert (await keys.get(ADMIN, key.key_id)).last_used_at is not None
    assert (await keys.get(ADMIN, unused.key_id)).last_used_at is None
