"""Secrets of webhooks, sealed where they are stored if the registry has keys."""

import base64

from hyper_registry.domain.errors.types import SealedFieldError
from hyper_registry.domain.identifiers import WebhookId
from hyper_registry.domain.sealing import KeyRing
from hyper_registry.domain.webhook import StoredSecret, WebhookSecret
from hyper_registry.storage.database import Database
from hyper_registry.storage.webhook_store import WebhookStore

_PLACE = "/secret"


class SecretSealing:
    """Seals and opens secrets; without a ring they are stored as they are.

    Parameters
    ----------
    ring
        Its first key seals; all of them open.
    """

    def __init__(self, ring: KeyRing | None) -> None:
        self._ring = ring

    def stored(self, webhook_id: WebhookId, secret: WebhookSecret) -> StoredSecret:
        """Return what to store of a secret."""
        if self._ring is None:
            return StoredSecret(secret.key, None)
        text = base64.b64encode(secret.key).decode()
        return StoredSecret(None, self._ring.seal(_owner(webhook_id), _PLACE, text))

    def opened(self, webhook_id: WebhookId, stored: StoredSecret) -> WebhookSecret:
        """Return a stored secret in clear.

        Raises
        ------
        SealedFieldError
            If its key is not configured, or it was changed or moved.
        """
        if stored.envelope is None:
            assert stored.key is not None  # the table holds one of the two
            return WebhookSecret(stored.key)
        subject = f"the secret of webhook {webhook_id}"
        if self._ring is None:
            raise SealedFieldError(
                subject, "is sealed, and no key is configured", "Set 'encryption.keys'."
            )
        try:
            text = self._ring.open(_owner(webhook_id), _PLACE, stored.envelope)
        except SealedFieldError as error:
            raise SealedFieldError(subject, error.reason, error.remedy) from error
        return WebhookSecret(base64.b64decode(text))


class SecretRotation:
    """Seals with the active key what it has not sealed yet, secrets in clear included."""

    def __init__(self, database: Database, store: WebhookStore, ring: KeyRing) -> None:
        self._database = database
        self._store = store
        self._ring = ring
        self._sealing = SecretSealing(ring)

    async def rotate(self, limit: int) -> int:
        """Seal up to `limit` secrets in one transaction, and return how many there were.

        Raises
        ------
        SealedFieldError
            If one does not open; nothing of the step is kept then.
        """
        async with self._database.transaction() as connection:
            held = await self._store.lock_secrets(connection, self._ring.active, limit)
            for webhook_id, stored in held.items():
                secret = self._sealing.opened(webhook_id, stored)
                again = self._sealing.stored(webhook_id, secret)
                await self._store.replace_secret(connection, webhook_id, again)
        return len(held)


def _owner(webhook_id: WebhookId) -> str:
    # No id of an entry holds a slash.
    return f"webhook/{webhook_id}"
