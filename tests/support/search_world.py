"""A registry whose entries have random vectors, its index, and what a search must answer."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import numpy as np
import orjson
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from hyper_registry.ai.backlog import EmbeddingBacklog
from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.index_version import IndexVersion
from hyper_registry.domain.principal import Principal
from hyper_registry.domain.search import SearchAnswer, SearchFilters
from hyper_registry.search.hybrid import HybridSearch
from hyper_registry.search.index_reader import IndexReader
from hyper_registry.search.nearest import NearestEntries
from hyper_registry.search.ranking import Ranking
from hyper_registry.storage.database import Database
from hyper_registry.storage.index_store import IndexStore
from hyper_registry.storage.search_store import SearchStore
from index.shard_writer import build_shard, shard_directory
from index.snapshot_writer import write_snapshot_manifest
from tests.support.services import EDITOR, MODEL_ID, build_services

DIMENSION = 384


class HashEmbedder:
    """Gives each text a random direction of its own: for tests where meaning is not the point."""

    model_id = MODEL_ID
    dimension = DIMENSION

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([text_vector(text) for text in texts])


def text_vector(text: str) -> NDArray[np.float32]:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
    vector = np.random.default_rng(seed).standard_normal(DIMENSION)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


class SearchWorld:
    """Entries, their embedding, index versions and searches on one database.

    Parameters
    ----------
    directory
        Where index versions are written, each in a directory of its own.
    """

    def __init__(self, database: Database, directory: Path, ranking: Ranking | None = None) -> None:
        self.database = database
        self.directory = directory
        self.services = build_services(database)
        self.index_store = IndexStore()
        self.store = SearchStore()
        embedder = HashEmbedder()
        self.backlog = EmbeddingBacklog(database, self.store, embedder)
        self.reader = IndexReader(database, self.index_store, self.store, MODEL_ID)
        nearest = NearestEntries(database, self.store, self.reader, MODEL_ID)
        self.search = HybridSearch(
            database, self.store, nearest, embedder, ranking or Ranking(candidates=10)
        )

    async def register(self, drafts: Sequence[EntryDraft]) -> None:
        _, refused = await self.services.entries.register_many(EDITOR, dict(enumerate(drafts)))
        assert refused == {}
        await self.embed()

    async def embed(self) -> None:
        async for _ in self.backlog.work_off():
            pass

    async def build(
        self, *, shard_count: int = 2, flat_below: int = 20_000, activate: bool = True
    ) -> IndexVersion:
        """Build a version as a job does: position first, then the rows of each shard."""
        async with self.database.connection() as connection:
            position = await self.store.fetch_horizon(connection)
            directory = self.directory / uuid4().hex
            version = await self.index_store.create(
                connection,
                uri=directory.as_uri(),
                snapshot_xid=position,
                model_id=MODEL_ID,
                shard_count=shard_count,
            )
            bounds = await self.index_store.shard_bounds(connection, MODEL_ID, shard_count)
            rows = 0
            for number, (first, last) in enumerate(bounds):
                batches = [
                    batch
                    async for batch in self.index_store.fetch_rows(
                        connection, MODEL_ID, first, last, batch_rows=150
                    )
                ]
                manifest = build_shard(
                    pa.Table.from_batches(batches),
                    shard_directory(directory, number),
                    shard_number=number,
                    shard_count=len(bounds),
                    model_id=MODEL_ID,
                    snapshot_xid=position,
                    flat_below=flat_below,
                )
                rows += manifest.row_count
        write_snapshot_manifest(directory)
        if activate:
            async with self.database.transaction() as connection:
                await self.index_store.activate(connection, version.version, rows)
            await self.reader.refresh()
        return version

    async def nearest(
        self,
        vector: NDArray[np.float32],
        principal: Principal,
        limit: int,
        filters: SearchFilters | None = None,
    ) -> list[str]:
        """Ids that search answers."""
        answer = await self.search.vector_search(principal, vector, filters, limit)
        return [hit.entry_id for hit in answer.hits]

    async def scores(
        self,
        vector: NDArray[np.float32],
        principal: Principal,
        filters: SearchFilters | None = None,
    ) -> dict[str, float]:
        """Cosine of each id, best first, by brute force: no index and no condition in SQL."""
        wanted = (filters or SearchFilters()).model_dump(mode="json", exclude={"tags"})
        tags = None if filters is None or filters.tags is None else set(filters.tags)
        async with self.database.connection() as connection:
            rows = await connection.fetch(
                "select e.*, m.vector::text as vector from entry e join entry_embedding m"
                " on m.entry_key = e.entry_key and m.input_hash = e.embedding_input_hash"
            )
        scores = {
            row["entry_id"]: _cosine(vector, np.array(orjson.loads(row["vector"])))
            for row in rows
            if row["deleted_at"] is None
            and principal.may_read(frozenset(row["readers"]))
            and all(values is None or row[name] in values for name, values in wanted.items())
            and (tags is None or not tags.isdisjoint(row["tags"]))
        }
        return dict(sorted(scores.items(), key=lambda item: -item[1]))

    async def assert_exact(
        self,
        vector: NDArray[np.float32],
        principal: Principal,
        limit: int,
        filters: SearchFilters | None = None,
    ) -> SearchAnswer:
        """Search must give the best by brute force; what rounding ties may change places."""
        answer = await self.search.vector_search(principal, vector, filters, limit)
        found = [hit.entry_id for hit in answer.hits]
        scores = await self.scores(vector, principal, filters)
        best = list(scores.values())[:limit]
        assert [scores[name] for name in found] == pytest.approx(best, abs=1e-4)
        assert len(set(found)) == len(found)
        return answer


def _cosine(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def files_of(version: IndexVersion) -> Path:
    """Directory of a version that was built here."""
    assert version.directory is not None
    return version.directory
