"""A registry in which one person has left traces of every kind."""

import base64
from collections.abc import AsyncGenerator

import pytest
from pydantic import SecretStr

from configs.settings import (
    DatabaseSettings,
    EncryptionKey,
    EncryptionSettings,
    Settings,
    WebhookSettings,
)
from hyper_registry.ai.prototype_classifier import PrototypeClassifier
from hyper_registry.factory import Models, open_registry
from hyper_registry.registry import Registry
from tests.support.search_world import HashEmbedder


@pytest.fixture
async def registry(dsn: str) -> AsyncGenerator[Registry]:
    material = base64.b64encode(b"1" * 32).decode()
    settings = Settings(
        database=DatabaseSettings(url=SecretStr(dsn), pool_min=1, pool_max=6),
        encryption=EncryptionSettings(keys=(EncryptionKey(id="k1", material=SecretStr(material)),)),
        webhooks=WebhookSettings.model_validate(
            {"allowed_networks": ["127.0.0.0/8"], "allow_http": True}
        ),
    )
    embedder = HashEmbedder()
    models = Models(embedder, embedder, PrototypeClassifier(embedder))
    async with open_registry(settings, models) as opened:
        yield opened
