"""API keys: created, listed, revoked, and checked at every request."""

import hashlib
import hmac
from datetime import datetime

from hyper_registry.domain.api_key import ApiKey, KeySecret
from hyper_registry.domain.errors.access import KeyNotFoundError, UnauthenticatedError
from hyper_registry.domain.identifiers import KeyId
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.security.verified_keys import VerifiedKeys
from hyper_registry.storage.database import Database
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.key_store import REVOCATIONS, KeyStore
from hyper_registry.storage.notifications import Subscription


class ApiKeyService:
    """Issues API keys and tells whose they are.

    Verified keys are held for a moment while `revocations` is subscribed to and heard.

    Parameters
    ----------
    verified
        Where they are held; None holds none.
    """

    def __init__(
        self,
        database: Database,
        keys: KeyStore,
        journal: JournalStore,
        verified: VerifiedKeys | None = None,
    ) -> None:
        self._database = database
        self._keys = keys
        self._journal = journal
        self._verified = VerifiedKeys() if verified is None else verified

    @property
    def revocations(self) -> Subscription:
        """What a listener must call so that keys can be held, and a revoked one is dropped."""
        return Subscription(
            REVOCATIONS,
            on_notification=self._verified.forget,
            on_listening=self._verified.resume,
            on_lost=self._verified.suspend,
        )

    async def create(
        self,
        principal: Principal,
        name: str,
        role: Role,
        groups: frozenset[str] = frozenset(),
        expires_at: datetime | None = None,
        *,
        request_id: str | None = None,
    ) -> tuple[ApiKey, str]:
        """Create a key and return it with its token, which is never shown again.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        """
        principal.require(Role.ADMIN, "create API keys")
        secret = KeySecret.generate()
        async with self._database.transaction() as connection:
            key = await self._keys.insert(
                connection, secret, name, role, groups, principal.name, expires_at
            )
            await self._journal.append_audit(
                connection,
                actor=principal.name,
                action="key.create",
                target=key.key_id,
                request_id=request_id,
                detail={"name": name, "role": role.value},
            )
        return key, secret.token

    async def list_all(self, principal: Principal) -> list[ApiKey]:
        """Return all keys, newest first.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        """
        principal.require(Role.ADMIN, "list API keys")
        async with self._database.connection() as connection:
            return await self._keys.list_all(connection)

    async def revoke(
        self, principal: Principal, key_id: KeyId, *, request_id: str | None = None
    ) -> None:
        """Revoke a key; every process refuses it as soon as it hears of the commit.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator.
        KeyNotFoundError
            If there is no such key.
        """
        principal.require(Role.ADMIN, "revoke API keys")
        async with self._database.transaction() as connection:
            if not await self._keys.revoke(connection, key_id):
                raise KeyNotFoundError(key_id)
            await self._journal.append_audit(
                connection,
                actor=principal.name,
                action="key.revoke",
                target=key_id,
                request_id=request_id,
            )

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
        known = self._verified.get(digest)
        if known is not None:
            return known
        revision = self._verified.revision
        async with self._database.connection() as connection:
            stored = await self._keys.fetch(connection, presented.key_id)
        if stored is None or not hmac.compare_digest(stored.secret_hash, presented.secret_hash):
            reason = "the API key is not valid"
            raise UnauthenticatedError(reason)
        self._verified.remember(
            digest,
            presented.key_id,
            stored.principal,
            expires_in_s=stored.expires_in_s,
            revision=revision,
        )
        return stored.principal
