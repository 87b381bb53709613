"""Reads and writes of API keys."""

from dataclasses import dataclass
from datetime import datetime

from hyper_registry.domain.api_key import ApiKey, KeySecret
from hyper_registry.domain.identifiers import KeyId
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("api_key")

REVOCATIONS = "api_key"
"""Channel on which the id of each revoked key is notified."""


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """What a presented key is checked against.

    Attributes
    ----------
    expires_in_s
        By the clock of Postgres, which alone decides; None if never.
    """

    principal: Principal
    secret_hash: bytes
    expires_in_s: float | None


class KeyStore:
    """API keys in Postgres; takes a connection and never commits."""

    async def insert(
        self,
        connection: Connection,
        secret: KeySecret,
        name: str,
        role: Role,
        groups: frozenset[str],
        created_by: str,
        expires_at: datetime | None,
    ) -> ApiKey:
        """Store a key by the hash of its secret."""
        created_at = await connection.fetchval(
            _SQL["insert_key"],
            secret.key_id,
            name,
            role.value,
            sorted(groups),
            secret.secret_hash,
            created_by,
            expires_at,
        )
        return ApiKey(secret.key_id, name, role, groups, created_at, created_by, expires_at)

    async def fetch(self, connection: Connection, key_id: KeyId) -> StoredSecret | None:
        """Read a key that is neither revoked nor expired."""
        row = await connection.fetchrow(_SQL["fetch_key"], key_id)
        if row is None:
            return None
        principal = Principal(row["name"], Role(row["role"]), frozenset(row["groups"]))
        return StoredSecret(principal, bytes(row["secret_hash"]), row["expires_in_s"])

    async def list_all(self, connection: Connection) -> list[ApiKey]:
        """Read all keys, newest first."""
        rows = await connection.fetch(_SQL["list_keys"])
        return [
            ApiKey(
                key_id=KeyId(row["key_id"]),
                name=row["name"],
                role=Role(row["role"]),
                groups=frozenset(row["groups"]),
                created_at=row["created_at"],
                created_by=row["created_by"],
                expires_at=row["expires_at"],
                revoked_at=row["revoked_at"],
            )
            for row in rows
        ]

    async def revoke(self, connection: Connection, key_id: KeyId) -> bool:
        """Revoke a key and notify `REVOCATIONS` of it; False if there is none."""
        return await connection.fetchval(_SQL["revoke_key"], key_id, REVOCATIONS) is not None
