"""API keys: a public id and a secret that only its holder knows."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from hyper_registry.domain.identifiers import KeyId
from hyper_registry.domain.scope import Scope

_PREFIX = "hr"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key as the registry knows it; the secret is not part of it.

    Attributes
    ----------
    name
        Name of the principal that holds it.
    role
        Name of a built-in or a custom role.
    scopes
        What it is narrowed to; None for all scopes of its role.
    previous_until
        Until when the secret before the last rotation stays valid.
    """

    key_id: KeyId
    name: str
    role: str
    groups: frozenset[str]
    scopes: frozenset[Scope] | None
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    rotated_at: datetime | None = None
    previous_until: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeySecret:
    """The two halves of a key as its holder sends them: ``hr_<id>_<secret>``."""

    key_id: KeyId
    secret: str

    @classmethod
    def generate(cls) -> "KeySecret":
        """Return a fresh key of 256 random bits."""
        return cls.for_key(KeyId(secrets.token_hex(6)))

    @classmethod
    def for_key(cls, key_id: KeyId) -> "KeySecret":
        """Return a fresh secret of 256 random bits for a key that exists."""
        return cls(key_id, secrets.token_hex(32))

    @classmethod
    def parse(cls, token: str) -> "KeySecret | None":
        """Split a token; None if it has not the form of one.

        >>> KeySecret.parse("hr_0123456789ab_secret").key_id
        '0123456789ab'
        >>> KeySecret.parse("Bearer") is None
        True
        """
        parts = token.split("_")
        if not token.isascii() or len(parts) != 3 or parts[0] != _PREFIX:
            return None
        if not parts[1] or not parts[2]:
            return None
        return cls(KeyId(parts[1]), parts[2])

    @property
    def token(self) -> str:
        """The key as its holder sends it."""
        return f"{_PREFIX}_{self.key_id}_{self.secret}"

    @property
    def secret_hash(self) -> bytes:
        """SHA-256 of the secret: its 256 random bits need no slow hash."""
        return hashlib.sha256(self.secret.encode()).digest()
