"""Hybrid search: text and meaning propose, fusion ranks, Postgres has the last word."""

import asyncio
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from hyper_registry.domain.entry import Entry
from hyper_registry.domain.errors.input import InvalidQueryError
from hyper_registry.domain.identifiers import EntryKey
from hyper_registry.domain.ports import Embedder
from hyper_registry.domain.principal import Principal
from hyper_registry.domain.search import (
    SearchAnswer,
    SearchFilters,
    SearchHit,
    SearchMode,
    SearchQuery,
)
from hyper_registry.search.fusion import Fused
from hyper_registry.search.highlight import highlight
from hyper_registry.search.nearest import Nearest, NearestEntries, nearest_to_any
from hyper_registry.search.ranking import Ranking, fuse
from hyper_registry.search.sentences import sentences
from hyper_registry.search.text_matches import TextMatches, TextSearch
from hyper_registry.storage.database import Database
from hyper_registry.storage.search_store import SearchStore


class HybridSearch:
    """Searches on behalf of a principal; a hidden entry is neither found nor counted."""

    def __init__(
        self,
        database: Database,
        store: SearchStore,
        nearest: NearestEntries,
        embedder: Embedder,
        ranking: Ranking,
        *,
        query_characters: int = 2_000,
    ) -> None:
        self._database = database
        self._store = store
        self._text = TextSearch(database, store)
        self._nearest = nearest
        self._embedder = embedder
        self._ranking = ranking
        self.query_characters = query_characters

    async def search(self, principal: Principal, query: SearchQuery) -> SearchAnswer:
        """Answer one search.

        An empty query lists what meets the filters, the latest change first.

        Raises
        ------
        InvalidQueryError
            If the query is too long, or empty in a mode that needs one.
        DatabaseUnavailableError
            If Postgres is away.
        ModelUnavailableError
            If the query cannot be embedded.
        """
        text = query.query.strip()
        if len(text) > self.query_characters:
            raise InvalidQueryError(
                "query",
                f"{len(text):,} characters are above the limit of {self.query_characters:,}",
                "Shorten it.",
            )
        if not text and query.mode in {SearchMode.TEXT, SearchMode.VECTOR}:
            raise InvalidQueryError(
                "query", "is empty", "Give words to search for, or use mode=filter."
            )
        if not text or query.mode is SearchMode.FILTER:
            return await self._filter(principal, query)
        match query.mode:
            case SearchMode.TEXT:
                matches, near = await self._match(principal, query, text), None
            case SearchMode.VECTOR:
                matches, near = None, await self._embed_and_find(principal, query, text)
            case SearchMode.HYBRID:
                matches, near = await asyncio.gather(
                    self._match(principal, query, text),
                    self._embed_and_find(principal, query, text),
                )
        return await self._fuse(principal, query, matches, near)

    async def text_search(
        self,
        principal: Principal,
        text: str,
        filters: SearchFilters | None = None,
        limit: int = 10,
    ) -> SearchAnswer:
        """Search by the words of a text, see `search`."""
        return await self.search(principal, _query(text, SearchMode.TEXT, filters, limit))

    async def hybrid_search(
        self,
        principal: Principal,
        text: str,
        filters: SearchFilters | None = None,
        limit: int = 10,
    ) -> SearchAnswer:
        """Search by the words and the meaning of a text, see `search`."""
        return await self.search(principal, _query(text, SearchMode.HYBRID, filters, limit))

    async def filter_search(
        self, principal: Principal, filters: SearchFilters, limit: int = 10
    ) -> SearchAnswer:
        """List what meets the filters, the latest change first."""
        return await self.search(principal, _query("", SearchMode.FILTER, filters, limit))

    async def vector_search(
        self,
        principal: Principal,
        near: str | NDArray[np.floating],
        filters: SearchFilters | None = None,
        limit: int = 10,
    ) -> SearchAnswer:
        """Search by nearness to the meaning of a text, or to a vector.

        Parameters
        ----------
        near
            A text, or ``(dimension,)`` of the embedder's model, of any length but 0.

        Raises
        ------
        InvalidQueryError
            If the text is empty or too long, or the vector has another dimension or no direction.
        """
        if isinstance(near, str):
            return await self.search(principal, _query(near, SearchMode.VECTOR, filters, limit))
        query = _query("", SearchMode.VECTOR, filters, limit)
        found = await self._find(principal, query, self._unit(near))
        return await self._fuse(principal, query, None, found)

    async def _match(self, principal: Principal, query: SearchQuery, text: str) -> TextMatches:
        limit = max(self._ranking.candidates, query.limit)
        return await self._text.find(
            text, principal.grants, query.filters, limit, enough=query.limit
        )

    async def _embed_and_find(self, principal: Principal, query: SearchQuery, text: str) -> Nearest:
        parts = [text, *sentences(text, self._ranking.sentences)]
        vectors = await self._embedder.embed(parts)
        found = [await self._find(principal, query, vector) for vector in vectors]
        return nearest_to_any(found, max(self._ranking.candidates, query.limit))

    async def _find(
        self, principal: Principal, query: SearchQuery, vector: NDArray[np.float32]
    ) -> Nearest:
        limit = max(self._ranking.candidates, query.limit)
        return await self._nearest.find(vector, principal.grants, query.filters, limit)

    def _unit(self, vector: NDArray[np.floating]) -> NDArray[np.float32]:
        exact = np.asarray(vector, np.float64)
        length = float(np.linalg.norm(exact))
        if exact.shape != (self._embedder.dimension,) or not np.isfinite(length) or length == 0:
            raise InvalidQueryError(
                "vector",
                f"shape {exact.shape}, length {length:.3g}",
                f"Give {self._embedder.dimension} finite numbers that are not all zero.",
            )
        return (exact / length).astype(np.float32)

    async def _filter(self, principal: Principal, query: SearchQuery) -> SearchAnswer:
        async with self._database.connection() as connection:
            found = await self._store.filter_candidates(
                connection, principal.grants, query.filters, query.limit
            )
        fused = {key: Fused(score, {"filter": score}) for key, score in found.scores.items()}
        return await self._answer(principal, query, fused, found.total, "filter")

    async def _fuse(
        self,
        principal: Principal,
        query: SearchQuery,
        matches: TextMatches | None,
        near: Nearest | None,
    ) -> SearchAnswer:
        strategies = [part.strategy for part in (matches, near) if part is not None]
        filtered = not query.filters.admit_all
        fused = fuse(self._ranking, query.fusion, matches, near, filtered=filtered)
        total = None if matches is None else matches.total
        return await self._answer(principal, query, fused, total, "+".join(strategies))

    async def _answer(
        self,
        principal: Principal,
        query: SearchQuery,
        fused: dict[EntryKey, Fused],
        total: int | None,
        strategy: str,
    ) -> SearchAnswer:
        hits: list[SearchHit] = []
        ranked = iter(fused)
        async with self._database.reading(principal.grants) as connection:
            # As a rule the first round gives them all: only what was deleted or hidden since it
            # was proposed is missing.
            while wanted := list(islice(ranked, query.limit - len(hits))):
                found = await self._store.hydrate(
                    connection, wanted, principal.grants, self._embedder.model_id
                )
                hits += [
                    _hit(found[key].entry, fused[key], query.query)
                    for key in wanted
                    if key in found
                ]
        return SearchAnswer(hits=tuple(hits), total=total, strategy=strategy)


def _query(text: str, mode: SearchMode, filters: SearchFilters | None, limit: int) -> SearchQuery:
    return SearchQuery(query=text, filters=filters or SearchFilters(), mode=mode, limit=limit)


def _hit(entry: Entry, fused: Fused, query: str) -> SearchHit:
    shown = f"{entry.title}: {entry.description}" if entry.description else entry.title
    return SearchHit.model_construct(
        **dict(entry),
        relevance_score=min(1.0, fused.score),
        highlight=highlight(shown, query),
        parts=fused.parts,
    )
