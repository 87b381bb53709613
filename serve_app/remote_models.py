"""The ports of the models over Serve handles: one hop, retried while the caller has time."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# Ray's handles are generic in a deployment class that they know nothing about.

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ray.exceptions import RayError, RayTaskError
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentHandle

from hyper_registry.ai.encodable_text import require_encodable
from hyper_registry.ai.vector_cache import VectorCache, text_key
from hyper_registry.domain.classification import Classification
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.errors.service import ModelUnavailableError

_TEXTS_PER_CALL = 32
_PAUSE_S = 0.2

Handle = DeploymentHandle[Any]


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model a deployment holds: its name and content hash, and the length of its vectors."""

    model_id: str
    dimension: int


@dataclass(frozen=True, slots=True)
class RemoteTimeouts:
    """How long to wait for a model's replicas: for one call, and for the first one to start."""

    call_s: float
    start_s: float


class RemoteEmbedder:
    """The `Embedder` port over an Embedder deployment.

    Vectors of texts that were asked for lately are kept here, where a repeated query costs no hop.
    Many texts go out in several calls at a time, so that several replicas share them.

    Parameters
    ----------
    handle
        Handle of `EmbedderReplica`.
    identity
        What it said to be; vectors of another model, as while a deployment changes, are refused.
    timeout_s
        For one call of up to 32 texts, repetitions included.
    cache_size
        Vectors kept.
    """

    def __init__(
        self, handle: Handle, identity: ModelIdentity, *, timeout_s: float, cache_size: int
    ) -> None:
        self._calls = _RetriedCalls(handle, identity.model_id, timeout_s)
        self._identity = identity
        self._cache = VectorCache(cache_size)

    @property
    def model_id(self) -> str:
        """Name and content hash of the model."""
        return self._identity.model_id

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        return self._identity.dimension

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed `texts`, see `Embedder.embed`.

        Raises
        ------
        InvalidFieldError
            If one of the texts is not encodable Unicode.
        ModelUnavailableError
            If no replica answered in time, or they hold another model by now.
        """
        require_encodable(texts)
        keys = [text_key(text) for text in texts]
        found = {key: self._cache.get(key) for key in keys}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if found[key] is None}
        wanted = list(missing)
        parts = [
            wanted[start : start + _TEXTS_PER_CALL]
            for start in range(0, len(wanted), _TEXTS_PER_CALL)
        ]
        answers = await asyncio.gather(
            *(self._embed_part([missing[key] for key in part]) for part in parts)
        )
        for part, vectors in zip(parts, answers, strict=True):
            for key, vector in zip(part, vectors, strict=True):
                found[key] = vector
                self._cache.put(key, vector)
        rows = [found[key] for key in keys]
        return np.array(rows, np.float32).reshape(len(rows), self.dimension)

    async def _embed_part(self, texts: list[str]) -> NDArray[np.float32]:
        model_id, vectors = await self._calls.call("embed", texts)
        if model_id != self.model_id:
            raise ModelUnavailableError(self.model_id, f"the replicas serve {model_id!r} by now")
        return vectors


class RemoteClassifier:
    """The `Classifier` port over a Classifier deployment.

    Parameters
    ----------
    handle
        Handle of `ClassifierReplica`.
    timeout_s
        For one classification, repetitions included.
    """

    def __init__(self, handle: Handle, *, timeout_s: float) -> None:
        self._calls = _RetriedCalls(handle, "classifier", timeout_s)

    async def classify(self, text: str) -> Classification:
        """Classify `text`, see `Classifier.classify`.

        Raises
        ------
        InvalidFieldError
            If the text is not encodable Unicode.
        ModelUnavailableError
            If no replica answered in time.
        """
        require_encodable([text])
        classification: Classification = await self._calls.call("classify", text)
        return classification


async def connect_embedder(
    handle: Handle, timeouts: RemoteTimeouts, *, cache_size: int
) -> RemoteEmbedder:
    """Wait until the Embedder deployment has a replica, and learn which model it holds.

    Raises
    ------
    ModelUnavailableError
        If none has started in time.
    """
    identity: ModelIdentity = await _RetriedCalls(handle, "embedder", timeouts.start_s).call(
        "identity"
    )
    return RemoteEmbedder(handle, identity, timeout_s=timeouts.call_s, cache_size=cache_size)


class _RetriedCalls:
    """Calls of a deployment whose methods may be repeated: they only compute."""

    def __init__(self, handle: Handle, model: str, timeout_s: float) -> None:
        # By value: vectors are small, and an object in the store would cost a second hop.
        self._handle = handle.options(_by_reference=False)
        self._model = model
        self._timeout_s = timeout_s

    async def call(self, method: str, *arguments: Any) -> Any:
        """Call `method` on some replica, and on another one if that is lost.

        Raises
        ------
        RegistryError
            As the method raised it.
        ModelUnavailableError
            If no replica answered in time.
        """
        reason = "no replica answered"
        try:
            async with asyncio.timeout(self._timeout_s):
                while True:
                    try:
                        return await getattr(self._handle, method).remote(*arguments)
                    except RayTaskError as error:
                        if isinstance(error.cause, RegistryError):
                            raise error.cause from None
                        raise ModelUnavailableError(self._model, str(error.cause)) from error
                    except (RayError, RayServeException) as error:
                        # The replica died or is being replaced, or all are busy.
                        reason = f"{type(error).__name__}: {error}"
                    await asyncio.sleep(_PAUSE_S)
        except TimeoutError as error:
            raise ModelUnavailableError(
                self._model, f"{reason} within {self._timeout_s:g} s"
            ) from error
