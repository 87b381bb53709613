"""The models behind handles: each replica holds one, and calls pure code with it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.loader import load_settings
from hyper_registry.ai.encoder_loading import load_encoder
from hyper_registry.ai.prototype_classifier import PrototypeClassifier
from hyper_registry.ai.query_embedder import LocalEmbedder
from hyper_registry.domain.classification import Classification
from serve_app.remote_models import ModelIdentity, RemoteTimeouts, connect_embedder


class EmbedderReplica:
    """Holds the embedding model; texts of concurrent requests are encoded together.

    Parameters
    ----------
    profile
        Settings profile that names the model.
    """

    def __init__(self, profile: str) -> None:
        settings = load_settings(profile).embedding
        encoder = load_encoder(settings.model, settings.device, settings.threads)
        # The callers cache what is asked for again.
        self._embedder = LocalEmbedder(encoder, cache_size=0)

    async def identity(self) -> ModelIdentity:
        """Say which model this is."""
        return ModelIdentity(self._embedder.model_id, self._embedder.dimension)

    async def embed(self, texts: Sequence[str]) -> tuple[str, NDArray[np.float32]]:
        """Embed `texts`, see `Embedder.embed`; with the id of the model that did it."""
        return self._embedder.model_id, await self._embedder.embed(texts)

    async def __del__(self) -> None:
        """Finish what was asked for: Serve awaits this when it takes the replica away."""
        if hasattr(self, "_embedder"):
            await self._embedder.aclose()


class ClassifierReplica:
    """Holds what classification needs beyond the embedder, which it calls.

    Parameters
    ----------
    embedder
        Handle of `EmbedderReplica`.
    timeouts
        How long to wait for it.
    """

    def __init__(self, embedder: Any, timeouts: RemoteTimeouts) -> None:
        self._handle = embedder
        self._timeouts = timeouts
        self._classifier: PrototypeClassifier | None = None

    async def classify(self, text: str) -> Classification:
        """Classify `text`, see `Classifier.classify`."""
        if self._classifier is None:
            embedder = await connect_embedder(self._handle, self._timeouts, cache_size=0)
            self._classifier = PrototypeClassifier(embedder)
        return await self._classifier.classify(text)
