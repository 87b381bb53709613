"""Reads and writes of API keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hyper_registry.domain.api_key import ApiKey, KeySecret
from hyper_registry.domain.identifiers import KeyId
from hyper_registry.domain.principal import Principal
from hyper_registry.domain.scope import Scope
from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries
from hyper_registry.storage.role_store import ACCESS_CHANGES, stored_principal

_SQL = load_queries("api_key")


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """What a presented key is checked against.

    Attributes
    ----------
    expires_in_s
        By the clock of Postgres, which alone decides; None if never.
    previous_hash
        The secret before the last rotation, while it is valid; for `previous_in_s` seconds.
    """

    principal: Principal
    secret_hash: bytes
    expires_in_s: float | None
    previous_hash: bytes | None = None
    previous_in_s: float | None = None


class KeyStore:
    """API keys in Postgres; takes a connection and never commits."""

    async def insert(
        self,
        connection: Connection,
        secret: KeySecret,
        name: str,
        role: str,
        groups: frozenset[str],
        scopes: frozenset[Scope] | None,
        created_by: str,
        expires_at: datetime | None,
    ) -> ApiKey:
        """Store a key by the hash of its secret."""
        row = await connection.fetchrow(
            _SQL["insert_key"],
            secret.key_id,
            name,
            role,
            sorted(groups),
            None if scopes is None else sorted(scopes),
            secret.secret_hash,
            created_by,
            expires_at,
        )
        assert row is not None
        return _key(row)

    async def fetch_secret(self, connection: Connection, key_id: KeyId) -> StoredSecret | None:
        """Read a key that is neither revoked nor expired and whose role exists."""
        row = await connection.fetchrow(_SQL["fetch_secret"], key_id)
        if row is None:
            return None
        principal = stored_principal(
            row["name"],
            row["role"],
            frozenset(row["groups"]),
            None if row["scopes"] is None else frozenset(map(Scope, row["scopes"])),
            row,
            credential=f"key:{key_id}",
        )
        if principal is None:
            return None
        return StoredSecret(
            principal,
            row["secret_hash"],
            row["expires_in_s"],
            row["previous_hash"],
            row["previous_in_s"],
        )

    async def lock(self, connection: Connection, key_id: KeyId) -> ApiKey | None:
        """Read a key, whatever its state, and keep others from changing it."""
        row = await connection.fetchrow(_SQL["fetch_key"], key_id)
        return None if row is None else _key(row)

    async def list_page(
        self, connection: Connection, after: KeyId | None, holder: str | None, limit: int
    ) -> list[ApiKey]:
        """Read keys, newest first, after one of them; of one holder, or of all."""
        return [
            _key(row) for row in await connection.fetch(_SQL["list_keys"], after, holder, limit)
        ]

    async def revoke(self, connection: Connection, key_id: KeyId) -> bool:
        """Revoke a key and tell all processes; False if there is none."""
        return await connection.fetchval(_SQL["revoke_key"], key_id, ACCESS_CHANGES) is not None

    async def rotate(
        self, connection: Connection, secret: KeySecret, overlap_s: float
    ) -> ApiKey | None:
        """Replace the secret of a key and tell all processes; None if there is none."""
        row = await connection.fetchrow(
            _SQL["rotate_key"], secret.key_id, secret.secret_hash, overlap_s, ACCESS_CHANGES
        )
        return None if row is None else _key(row)

    async def expire(
        self, connection: Connection, key_id: KeyId, expires_at: datetime | None
    ) -> ApiKey | None:
        """Set when a key ends and tell all processes; None if there is none."""
        row = await connection.fetchrow(_SQL["expire_key"], key_id, expires_at, ACCESS_CHANGES)
        return None if row is None else _key(row)

    async def add_uses(self, connection: Connection, uses: Mapping[KeyId, datetime]) -> None:
        """Record when keys were last used; ids that no key has are passed over."""
        await connection.execute(_SQL["add_uses"], list(uses), list(uses.values()))


def _key(row: Any) -> ApiKey:
    return ApiKey(
        key_id=KeyId(row["key_id"]),
        name=row["name"],
        role=row["role"],
        groups=frozenset(row["groups"]),
        scopes=None if row["scopes"] is None else frozenset(map(Scope, row["scopes"])),
        created_at=row["created_at"],
        created_by=row["created_by"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        rotated_at=row["rotated_at"],
        previous_until=row["previous_until"],
        last_used_at=row["last_used_at"],
    )
