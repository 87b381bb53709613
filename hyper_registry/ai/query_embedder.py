"""Embedding inside the process that serves requests."""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hyper_registry.ai.encodable_text import require_encodable
from hyper_registry.ai.text_encoder import TextEncoder
from hyper_registry.ai.vector_cache import VectorCache, text_key
from hyper_registry.domain.errors.service import ModelUnavailableError

DEFAULT_CACHE_SIZE = 10_000
"""Vectors cached by default (15 MB at 384 dimensions)."""

DEFAULT_MAX_BATCH = 32
"""Texts encoded together by default: more gains nothing per text, and keeps others waiting."""

_Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Pending:
    key: bytes
    text: str
    vector: asyncio.Future[_Vector]


class LocalEmbedder:
    """The `Embedder` port over a `TextEncoder` in this process.

    One worker thread encodes, so that the event loop stays free and the encoder sees one call
    at a time. What arrives while a batch is encoded forms the next batch. Each request gives one
    text to a batch in turn, so a single query waits for one batch, not for all of a bulk request
    before it. A text that is asked for again while it waits is encoded once.

    All calls come from one event loop.

    Parameters
    ----------
    encoder
        The loaded model; used by nobody else.
    cache_size
        Vectors cached, least recently used ones dropped first; 0 turns the cache off.
    max_batch
        Texts encoded together, at least 1.
    """

    def __init__(
        self,
        encoder: TextEncoder,
        *,
        cache_size: int = DEFAULT_CACHE_SIZE,
        max_batch: int = DEFAULT_MAX_BATCH,
    ) -> None:
        self._encoder = encoder
        self._max_batch = max_batch
        self._cache = VectorCache(cache_size)
        self._queues: deque[deque[_Pending]] = deque()
        self._waiting: dict[bytes, asyncio.Future[_Vector]] = {}
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="embedder")
        self._drain: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def model_id(self) -> str:
        """Name and content hash of the model."""
        return self._encoder.model_id

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        return self._encoder.dimension

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed `texts`, see `Embedder.embed`.

        Raises
        ------
        InvalidFieldError
            If one of the texts is not encodable Unicode; other requests are not touched.
        ModelUnavailableError
            If the embedder is closed.
        """
        if self._closed:
            raise ModelUnavailableError(self.model_id, "the embedder is closed")
        require_encodable(texts)
        vectors = np.empty((len(texts), self.dimension), np.float32)
        queue: deque[_Pending] = deque()
        missing: dict[int, asyncio.Future[_Vector]] = {}
        for row, text in enumerate(texts):
            key = text_key(text)
            cached = self._cache.get(key)
            if cached is not None:
                vectors[row] = cached
            else:
                missing[row] = self._enqueue(key, text, queue)
        if missing:
            self._start(queue)
            # Unlike gather, wait leaves the futures alone when this request is cancelled: others
            # may wait for the same text.
            await asyncio.wait(missing.values())
            for row, future in missing.items():
                vectors[row] = future.result()
        return vectors

    async def aclose(self) -> None:
        """Encode what was asked for already, then end the worker; closing again does nothing."""
        self._closed = True
        if self._drain is not None:
            # Unlike awaiting the task, wait does not cancel it when closing itself is cancelled.
            await asyncio.wait([self._drain])
        self._worker.shutdown(wait=True)

    def _enqueue(self, key: bytes, text: str, queue: deque[_Pending]) -> asyncio.Future[_Vector]:
        future = self._waiting.get(key)
        if future is None:
            future = asyncio.get_running_loop().create_future()
            future.add_done_callback(_read_exception)
            self._waiting[key] = future
            queue.append(_Pending(key, text, future))
        return future

    def _start(self, queue: deque[_Pending]) -> None:
        if queue:
            self._queues.append(queue)
        if self._drain is None or self._drain.done():
            self._drain = asyncio.create_task(self._encode_queued())

    async def _encode_queued(self) -> None:
        while self._queues:
            batch = self._next_batch()
            results = await asyncio.get_running_loop().run_in_executor(
                self._worker, self._encode, [pending.text for pending in batch]
            )
            for pending, result in zip(batch, results, strict=True):
                del self._waiting[pending.key]
                if isinstance(result, Exception):
                    pending.vector.set_exception(result)
                else:
                    self._cache.put(pending.key, result)
                    pending.vector.set_result(result)

    def _next_batch(self) -> list[_Pending]:
        batch: list[_Pending] = []
        while self._queues and len(batch) < self._max_batch:
            queue = self._queues.popleft()
            batch.append(queue.popleft())
            if queue:
                self._queues.append(queue)
        return batch

    def _encode(self, texts: list[str]) -> list[_Vector | Exception]:
        """Encode in the worker thread; a text that fails gives its error in place of a vector."""
        try:
            return list(self._encoder.encode(texts))
        except Exception as error:  # noqa: BLE001 (each error is raised again in its request)
            # Whatever it is, it belongs to the requests of the texts at fault, which re-raise it;
            # left in this task it would stop the queue for everyone.
            if len(texts) == 1:
                return [error]
        return [result for text in texts for result in self._encode([text])]


def _read_exception(future: asyncio.Future[_Vector]) -> None:
    # asyncio reports an exception as lost that nobody read: so it would where the only request
    # for a text was cancelled, or failed by an earlier text of its own.
    future.exception()
