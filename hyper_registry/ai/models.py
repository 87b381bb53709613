"""The models of one process."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from configs.settings import EmbeddingSettings
from hyper_registry.ai.encoder_loading import load_encoder, query_encoder
from hyper_registry.ai.prototype_classifier import PrototypeClassifier
from hyper_registry.ai.query_embedder import LocalEmbedder
from hyper_registry.domain.ports import Classifier, Embedder


@dataclass(frozen=True, slots=True)
class Models:
    """The models of one process, loaded in it or reached from it.

    Attributes
    ----------
    query_embedder
        For search queries: the same model as `embedder`, perhaps in a faster format.
    """

    embedder: Embedder
    query_embedder: Embedder
    classifier: Classifier


@asynccontextmanager
async def open_models(settings: EmbeddingSettings) -> AsyncGenerator[Models]:
    """Load the models into this process, and let them go at the end.

    Raises
    ------
    ModelUnavailableError
        If a model cannot be loaded.
    """
    encoder = await asyncio.to_thread(
        load_encoder, settings.model, settings.device, settings.threads
    )
    async with AsyncExitStack() as opened:
        embedder = LocalEmbedder(encoder, cache_size=settings.query_cache_entries)
        opened.push_async_callback(embedder.aclose)
        for_queries = query_encoder(encoder, settings.device)
        query_embedder = embedder
        if for_queries is not encoder:
            query_embedder = LocalEmbedder(for_queries, cache_size=settings.query_cache_entries)
            opened.push_async_callback(query_embedder.aclose)
        yield Models(embedder, query_embedder, PrototypeClassifier(embedder))
