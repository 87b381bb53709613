"""Embedding what has no valid vector yet."""

import asyncio
import logging
from collections.abc import AsyncGenerator

from hyper_registry.domain.errors import RegistryError
from hyper_registry.domain.ports import Embedder
from hyper_registry.storage.database import Database
from hyper_registry.storage.search_store import SearchStore

_logger = logging.getLogger(__name__)


class EmbeddingBacklog:
    """The living entries without a valid vector of the embedder's model."""

    def __init__(self, database: Database, store: SearchStore, embedder: Embedder) -> None:
        self._database = database
        self._store = store
        self._embedder = embedder

    async def work_off(
        self, *, batch_size: int = 256, changed_since: int = 0
    ) -> AsyncGenerator[int]:
        """Embed the backlog, and yield how many entries each batch held.

        Each batch is stored in a transaction of its own, with the hash of the text it was made
        from; an entry that changes meanwhile keeps counting as not embedded. So the work can be
        broken off anywhere and begun again without doing a row twice.

        Parameters
        ----------
        batch_size
            Entries embedded and stored together.
        changed_since
            Only entries written by this transaction or a later one; 0 looks at all.

        Raises
        ------
        ModelUnavailableError
            If the embedder cannot work.
        DatabaseUnavailableError
            If Postgres goes away; the batches yielded so far are stored.
        """
        after = 0
        while True:
            async with self._database.connection() as connection:
                inputs = await self._store.fetch_unembedded(
                    connection,
                    self._embedder.model_id,
                    after,
                    batch_size,
                    changed_since=changed_since,
                )
            if not inputs:
                return
            vectors = await self._embedder.embed([item.text for item in inputs])
            async with self._database.transaction() as connection:
                await self._store.upsert_embeddings(
                    connection, self._embedder.model_id, inputs, vectors
                )
            after = inputs[-1].key
            yield len(inputs)

    async def keep_embedded(self, *, interval_s: float = 0.5) -> None:
        """Work off the backlog again and again, until cancelled.

        The first round looks at every entry, each later one at what was written since the round
        before, so an idle registry of any size costs next to nothing.

        A failing round is logged and tried again after the interval: what it did not reach is
        still in the backlog.
        """
        done_below = 0
        while True:
            try:
                async with self._database.connection() as connection:
                    horizon = await self._store.fetch_horizon(connection)
                async for _ in self.work_off(batch_size=32, changed_since=done_below):
                    pass
                done_below = horizon
            except RegistryError:
                _logger.exception("Embedding the backlog failed; trying again")
            await asyncio.sleep(interval_s)
