"""Secrets of webhooks at rest: sealed for their own webhook, rotated with the keys."""

import pytest

from configs.settings import Settings
from hyper_registry.domain.change import ChangeFilter
from hyper_registry.domain.errors.types import SealedFieldError
from hyper_registry.domain.sealing import KeyRing
from hyper_registry.domain.webhook import WebhookDraft, WebhookSecret, new_webhook_id
from hyper_registry.events.secret_sealing import SecretRotation, SecretSealing
from hyper_registry.factory import change_feed
from hyper_registry.storage.database import Database
from hyper_registry.storage.webhook_store import WebhookStore
from tests.support.services import EDITOR
from tests.support.written_rows import count

OLD = ("old", bytes(range(32)))
NEW = ("new", bytes(range(1, 33)))


def test_a_sealed_secret_opens_for_its_webhook_alone():
    sealing = SecretSealing(KeyRing([OLD]))
    secret, own, other = WebhookSecret.generate(), new_webhook_id(), new_webhook_id()
    stored = sealing.stored(own, secret)
    assert stored.key is None
    assert sealing.opened(own, stored) == secret
    with pytest.raises(SealedFieldError, match="changed or moved"):
        sealing.opened(other, stored)
    with pytest.raises(SealedFieldError, match="not configured"):
        SecretSealing(KeyRing([NEW])).opened(own, stored)
    with pytest.raises(SealedFieldError, match="no key is configured"):
        SecretSealing(None).opened(own, stored)


async def test_rotation_seals_old_secrets_and_those_in_clear(database: Database):
    store, feed = WebhookStore(), change_feed(Settings(), database)
    rings = (None, KeyRing([OLD]), KeyRing([NEW, OLD]))
    secrets = {}
    position = await feed.now()
    async with database.transaction() as connection:
        for ring in rings:
            webhook_id = new_webhook_id()
            secrets[webhook_id] = WebhookSecret.generate()
            await store.insert(
                connection,
                webhook_id,
                WebhookDraft(url="https://example.org/", filter=ChangeFilter()),
                SecretSealing(ring).stored(webhook_id, secrets[webhook_id]),
                EDITOR,
                position,
            )
    assert await count(database, "webhook where secret is not null") == 1
    rotation = SecretRotation(database, store, KeyRing([NEW, OLD]))
    assert [await rotation.rotate(1) for _ in range(3)] == [1, 1, 0]
    assert await count(database, "webhook where secret is not null") == 0
    async with database.transaction() as connection:
        held = await store.lock_secrets(connection, "any other", 10)
    alone = SecretSealing(KeyRing([NEW]))
    assert {name: alone.opened(name, stored) for name, stored in held.items()} == secrets
