"""API keys: created, listed, rotated, ended, and checked at every request."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hyper_registry.domain.api_key import ApiKey, KeySecret
from hyper_registry.domain.errors.access import (
    KeyNotFoundError,
    PermissionDeniedError,
    RoleNotFoundError,
    UnauthenticatedError,
)
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.identifiers import KeyId
from hyper_registry.domain.principal import ROLE_SCOPES, Principal, Role
from hyper_registry.domain.scope import Scope
from hyper_registry.domain.text import storable_line
from hyper_registry.security.key_uses import KeyUses
from hyper_registry.security.verified_keys import VerifiedKeys
from hyper_registry.storage.database import Connection, Database
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.key_store import KeyStore
from hyper_registry.storage.notifications import Subscription
from hyper_registry.storage.role_store import ACCESS_CHANGES, RoleStore

_LONGEST_NAME = 200


class ApiKeyService:
    """Issues API keys and tells whose they are.

    An administrator handles all keys. Who else has the scope `keys:manage` handles the keys of
    its own name that are no stronger than itself; the others are absent for it.

    Parameters
    ----------
    verified
        Where keys that were checked are held while `revocations` is subscribed to and heard; None
        holds none.
    uses
        Where their use is recorded; None records none.
    """

    def __init__(
        self,
        database: Database,
        keys: KeyStore,
        roles: RoleStore,
        journal: JournalStore,
        verified: VerifiedKeys | None = None,
        uses: KeyUses | None = None,
    ) -> None:
        self._database = database
        self._keys = keys
        self._roles = roles
        self._journal = journal
        self._verified = VerifiedKeys() if verified is None else verified
        self._uses = uses

    @property
    def revocations(self) -> Subscription:
        """What a listener must call so that keys can be held, and a changed one is dropped."""
        return Subscription(
            ACCESS_CHANGES,
            on_notification=self._verified.forget,
            on_listening=self._verified.resume,
            on_lost=self._verified.suspend,
        )

    async def create(
        self,
        principal: Principal,
        name: str,
        role: str,
        groups: frozenset[str] = frozenset(),
        expires_at: datetime | None = None,
        scopes: frozenset[Scope] | None = None,
        *,
        request_id: str | None = None,
    ) -> tuple[ApiKey, str]:
        """Create a key and return it with its token, which is never shown again.

        Parameters
        ----------
        role
            Name of a built-in or a custom role.
        scopes
            Some of the role's scopes, to narrow the key to; None for all.

        Raises
        ------
        PermissionDeniedError
            If the caller may not manage keys, or the key would be stronger than the caller.
        InvalidFieldError
            If a name cannot be stored, the role has not all of `scopes`, or the key would outlive
            the one that creates it.
        RoleNotFoundError
            If there is no such role.
        """
        principal.require(Scope.KEYS_MANAGE, "create API keys")
        name = _checked("name", name)
        groups = frozenset(_checked("groups", group) for group in groups)
        secret = KeySecret.generate()
        async with self._database.transaction() as connection:
            holder = await self._holder(connection, name, role, groups, scopes)
            _require_cover(principal, holder)
            await self._require_no_longer_life(connection, principal, expires_at)
            key = await self._keys.insert(
                connection, secret, name, role, groups, scopes, principal.name, expires_at
            )
            detail = {"name": name, "role": role, "scopes": None if scopes is None else [*scopes]}
            await self._audit(connection, principal, "key.create", key, request_id, detail)
        return key, secret.token

    async def list_page(
        self, principal: Principal, *, after: KeyId | None = None, limit: int = 100
    ) -> list[ApiKey]:
        """Return keys that the caller handles, newest first, from after one of them on.

        Raises
        ------
        PermissionDeniedError
            If the caller may not manage keys.
        """
        principal.require(Scope.KEYS_MANAGE, "list API keys")
        async with self._database.connection() as connection:
            return await self._keys.list_page(connection, after, _only_holder(principal), limit)

    async def get(self, principal: Principal, key_id: KeyId) -> ApiKey:
        """Return a key.

        Raises
        ------
        PermissionDeniedError
            If the caller may not manage keys.
        KeyNotFoundError
            If there is no such key that the caller handles.
        """
        principal.require(Scope.KEYS_MANAGE, "read API keys")
        async with self._database.transaction() as connection:
            return await self._locked(connection, principal, key_id)

    async def rotate(
        self,
        principal: Principal,
        key_id: KeyId,
        *,
        overlap_s: float = 0,
        request_id: str | None = None,
    ) -> tuple[ApiKey, str]:
        """Give a key a new secret and return its token, which is never shown again.

        Parameters
        ----------
        overlap_s
            For how long the secret before stays valid, so that its holders can change over.

        Raises
        ------
        PermissionDeniedError
            If the caller may not manage keys, or the key is stronger than the caller.
        KeyNotFoundError
            If there is no such key that the caller handles, or it was revoked.
        """
        principal.require(Scope.KEYS_MANAGE, "rotate API keys")
        secret = KeySecret.for_key(key_id)
        async with self._database.transaction() as connection:
            key = await self._locked(connection, principal, key_id)
            if key.revoked_at is not None:
                raise KeyNotFoundError(key_id)
            holder = await self._holder(connection, key.name, key.role, key.groups, key.scopes)
            _require_cover(principal, holder)
            rotated = await self._keys.rotate(connection, secret, overlap_s)
            if rotated is None:
                raise KeyNotFoundError(key_id)
            await self._audit(
                connection, principal, "key.rotate", key, request_id, {"overlap_s": overlap_s}
            )
        return rotated, secret.token

    async def set_expiry(
        self,
        principal: Principal,
        key_id: KeyId,
        expires_at: datetime | None,
        *,
        request_id: str | None = None,
    ) -> ApiKey:
        """Set when a key ends to be valid; None for never.

        Raises
        ------
        PermissionDeniedError
            If the caller may not manage keys.
        KeyNotFoundError
            If there is no such key that the caller handles.
        InvalidFieldError
            If the key would outlive the one that changes it.
        """
        principal.require(Scope.KEYS_MANAGE, "let API keys expire")
        async with self._database.transaction() as connection:
            key = await self._locked(connection, principal, key_id)
            await self._require_no_longer_life(connection, principal, expires_at)
            changed = await self._keys.expire(connection, key_id, expires_at)
            if changed is None:
                raise KeyNotFoundError(key_id)
            detail = {"expires_at": None if expires_at is None else expires_at.isoformat()}
            await self._audit(connection, principal, "key.expire", key, request_id, detail)
        return changed

    async def revoke(
        self, principal: Principal, key_id: KeyId, *, request_id: str | None = None
    ) -> None:
        """Revoke a key; every process refuses it as soon as it hears of the commit.

        Raises
        ------
        PermissionDeniedError
            If the caller may not manage keys.
        KeyNotFoundError
            If there is no such key that the caller handles.
        """
        principal.require(Scope.KEYS_MANAGE, "revoke API keys")
        async with self._database.transaction() as connection:
            key = await self._locked(connection, principal, key_id)
            if not await self._keys.revoke(connection, key_id):
                raise KeyNotFoundError(key_id)
            await self._audit(connection, principal, "key.revoke", key, request_id)

    def known(self, token: str) -> Principal | None:
        """Return whose key `token` is if that was found out lately, without asking anybody."""
        principal = self._verified.get(hashlib.sha256(token.encode()).digest())
        if principal is not None and self._uses is not None:
            presented = KeySecret.parse(token)
            if presented is not None:
                self._uses.record(presented.key_id)
        return principal

    async def authenticate(self, token: str) -> Principal:
        """Return whose key `token` is.

        Raises
        ------
        UnauthenticatedError
            If it is malformed, unknown, revoked or expired; the message does not tell which.
        """
        presented = KeySecret.parse(token)
        if presented is None:
            reason = "the API key is malformed"
            raise UnauthenticatedError(reason)
        digest = hashlib.sha256(token.encode()).digest()
        principal = self._verified.get(digest)
        if principal is None:
            principal = await self._verify(presented, digest)
        if self._uses is not None:
            self._uses.record(presented.key_id)
        return principal

    async def _verify(self, presented: KeySecret, digest: bytes) -> Principal:
        revision = self._verified.revision
        async with self._database.connection() as connection:
            stored = await self._keys.fetch_secret(connection, presented.key_id)
        reason = "the API key is not valid"
        if stored is None:
            raise UnauthenticatedError(reason)
        limits_s = [stored.expires_in_s]
        if not hmac.compare_digest(stored.secret_hash, presented.secret_hash):
            previous = stored.previous_hash
            if previous is None or not hmac.compare_digest(previous, presented.secret_hash):
                raise UnauthenticatedError(reason)
            limits_s.append(stored.previous_in_s)
        self._verified.remember(
            digest,
            presented.key_id,
            stored.principal,
            expires_in_s=min((limit for limit in limits_s if limit is not None), default=None),
            revision=revision,
        )
        return stored.principal

    async def _holder(
        self,
        connection: Connection,
        name: str,
        role: str,
        groups: frozenset[str],
        scopes: frozenset[Scope] | None,
    ) -> Principal:
        """Return who a key would speak for."""
        if role in set(Role):
            held = ROLE_SCOPES[Role(role)]
        else:
            found = await self._roles.lock_scopes(connection, role)
            if found is None:
                raise RoleNotFoundError(role)
            held = found
        if scopes is not None and not scopes <= held:
            raise InvalidFieldError(
                "scopes",
                f"the role {role!r} has not {', '.join(sorted(scopes - held))}",
                f"Choose among: {', '.join(sorted(held))}.",
            )
        allowed = held if scopes is None else scopes
        if role in set(Role):
            return Principal(name, Role(role), groups, allowed)
        return Principal.of_custom_role(name, allowed, groups)

    async def _require_no_longer_life(
        self, connection: Connection, principal: Principal, expires_at: datetime | None
    ) -> None:
        """Refuse a key that outlives the caller's own: who found one that ends gains no other."""
        kind, _, key_id = principal.credential.partition(":")
        own = await self._keys.lock(connection, KeyId(key_id)) if kind == "key" else None
        if own is None or own.expires_at is None:
            return
        if expires_at is None or expires_at > own.expires_at:
            raise InvalidFieldError(
                "expires_at",
                f"is later than {own.expires_at.isoformat()}, when the key you use ends",
                "Choose an earlier time, or use a key that lasts longer.",
            )

    async def _locked(self, connection: Connection, principal: Principal, key_id: KeyId) -> ApiKey:
        key = await self._keys.lock(connection, key_id)
        if key is None or _only_holder(principal) not in {None, key.name}:
            raise KeyNotFoundError(key_id)
        return key

    async def _audit(
        self,
        connection: Connection,
        principal: Principal,
        action: str,
        key: ApiKey,
        request_id: str | None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        await self._journal.append_audit(
            connection,
            actor=principal.name,
            action=action,
            target=key.key_id,
            request_id=request_id,
            detail=detail,
        )


def _only_holder(principal: Principal) -> str | None:
    """Return the only name whose keys the caller handles; None for all."""
    return None if principal.role is Role.ADMIN else principal.name


def _require_cover(principal: Principal, holder: Principal) -> None:
    if not principal.covers(holder):
        raise PermissionDeniedError(
            principal.name, principal.role.value, "hand out a key stronger than its own"
        )


def _checked(field: str, name: str) -> str:
    try:
        line = storable_line(name)
    except ValueError as error:
        raise InvalidFieldError(field, str(error), "Choose another name.") from error
    if len(line) > _LONGEST_NAME:
        raise InvalidFieldError(
            field, f"has more than {_LONGEST_NAME} characters", "Choose a shorter name."
        )
    return line
