"""Embedding what has no valid vector yet."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from typing import NoReturn

from hyper_registry.domain.entry import Entry
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.identifiers import EntryId
from hyper_registry.domain.ports import Embedder
from hyper_registry.storage.database import Database
from hyper_registry.storage.embedding_store import EmbeddingStore
from hyper_registry.storage.search_store import EmbeddingInput, SearchStore

_logger = logging.getLogger(__name__)

_ROUND_BATCH = 32
_AT_ONCE_BATCH = 128


class EmbeddingBacklog:
    """The living entries without a valid vector of the embedder's model."""

    def __init__(
        self,
        database: Database,
        store: SearchStore,
        embedder: Embedder,
    ) -> None:
        self._database = database
        self._store = store
        self._embedder = embedder
        self._state = EmbeddingStore()

    async def count(self) -> int:
        """Count the entries without a valid vector."""
        async with self._database.connection() as connection:
            return await self._store.count_unembedded(connection, self._embedder.model_id)

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
            await self._embed(inputs)
            after = inputs[-1].key
            yield len(inputs)

    async def embed_now(
        self, entry_ids: Sequence[EntryId], *, limit_s: float
    ) -> frozenset[EntryId]:
        """Embed some entries that were just written, without waiting for the next round.

        The entries are written whatever happens here, so nothing is raised: what is not embedded
        within the limit, or cannot be, stays in the backlog.

        Parameters
        ----------
        entry_ids
            The entries; those that are embedded already cost nothing.
        limit_s
            Time after which to give up.

        Returns
        -------
        frozenset
            Ids of those whose valid vector is stored.
        """
        embedded: frozenset[EntryId] = frozenset()
        try:
            async with asyncio.timeout(limit_s):
                async with self._database.connection() as connection:
                    pending = await self._state.fetch_pending(
                        connection, self._embedder.model_id, entry_ids
                    )
                embedded = pending.embedded
                ids = list(pending.inputs)
                for start in range(0, len(ids), _AT_ONCE_BATCH):
                    batch = ids[start : start + _AT_ONCE_BATCH]
                    await self._embed([pending.inputs[entry_id] for entry_id in batch])
                    embedded |= frozenset(batch)
        except TimeoutError:
            _logger.info("%d entries were left to the backlog", len(entry_ids) - len(embedded))
        except RegistryError:
            _logger.exception("Embedding at once failed; the entries are left to the backlog")
        return embedded

    async def embed_entry(self, entry: Entry, *, limit_s: float) -> Entry:
        """Embed an entry just written, see `embed_now`; its `embedded` tells the outcome."""
        if entry.embedded:
            return entry
        done = await self.embed_now([entry.entry_id], limit_s=limit_s)
        return entry.model_copy(update={"embedded": entry.entry_id in done})

    async def keep_embedded(self, *, interval_s: float = 0.5) -> NoReturn:
        """Work off the backlog again and again, until cancelled.

        The first round looks at every entry, each later one at what was written since the round
        before, so an idle registry of any size costs next to nothing. Of several processes one
        does the work, and none while a batch job does it.

        A failing round is logged and tried again after the interval: what it did not reach is
        still in the backlog.
        """
        done_below = 0
        while True:
            try:
                done_below = await self._round(done_below)
            except RegistryError:
                _logger.exception("Embedding the backlog failed; trying again")
            await asyncio.sleep(interval_s)

    async def _round(self, done_below: int) -> int:
        """Embed what was written since `done_below`, and return from where the next round looks."""
        async with self._database.connection() as guard, self._state.leading(guard) as leads:
            if not leads or await self._state.embed_job_is_active(guard):
                return done_below
            horizon = await self._store.fetch_horizon(guard)
            async for _ in self.work_off(batch_size=_ROUND_BATCH, changed_since=done_below):
                pass
            return horizon

    async def _embed(self, inputs: Sequence[EmbeddingInput]) -> None:
        vectors = await self._embedder.embed([item.text for item in inputs])
        async with self._database.transaction() as connection:
            await self._store.upsert_embeddings(
                connection, self._embedder.model_id, inputs, vectors
            )
