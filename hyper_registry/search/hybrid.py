"""Hybrid search: text and meaning propose, fusion ranks, Postgres has the last word."""

from dataclasses import dataclass

from hyper_registry.domain.entry import Entry
from hyper_registry.domain.errors import InvalidQueryError
from hyper_registry.domain.identifiers import EntryKey
from hyper_registry.domain.ports import Embedder
from hyper_registry.domain.principal import Principal
from hyper_registry.domain.search import SearchAnswer, SearchHit, SearchMode, SearchQuery
from hyper_registry.search.fusion import Fused, fuse_weighted
from hyper_registry.search.highlight import highlight
from hyper_registry.storage.database import Database
from hyper_registry.storage.search_store import Candidates, SearchStore


@dataclass(frozen=True, slots=True)
class Ranking:
    """How candidates are weighed.

    Attributes
    ----------
    vector_threshold
        Least cosine similarity of a candidate that meaning alone proposes.
    candidates
        How many each part of search proposes.
    """

    vector_weight: float = 0.5
    text_weight: float = 0.3
    vector_threshold: float = 0.5
    candidates: int = 100


class HybridSearch:
    """Searches on behalf of a principal; a hidden entry is neither found nor counted."""

    def __init__(
        self,
        database: Database,
        store: SearchStore,
        embedder: Embedder,
        ranking: Ranking,
        *,
        query_characters: int = 2_000,
    ) -> None:
        self._database = database
        self._store = store
        self._embedder = embedder
        self._ranking = ranking
        self._query_characters = query_characters

    async def search(self, principal: Principal, query: SearchQuery) -> SearchAnswer:
        """Answer one search.

        An empty query lists what meets the filters, the latest change first.

        Raises
        ------
        InvalidQueryError
            If the query is too long, or empty in a mode that needs one.
        """
        text = query.query.strip()
        if len(text) > self._query_characters:
            raise InvalidQueryError(
                "query",
                f"{len(text):,} characters are above the limit of {self._query_characters:,}",
                "Shorten it.",
            )
        if not text and query.mode in {SearchMode.TEXT, SearchMode.VECTOR}:
            raise InvalidQueryError(
                "query", "is empty", "Give words to search for, or use mode=filter."
            )
        if not text or query.mode is SearchMode.FILTER:
            return await self._filter(principal, query)
        lists = await self._propose(principal, query, text)
        scores = {name: found.scores for name, found in lists.items()}
        weights = {"text": self._ranking.text_weight, "vector": self._ranking.vector_weight}
        fused = fuse_weighted(scores, weights)
        total = lists["text"].total if "text" in lists else None
        return await self._answer(principal, query, fused, total, "+".join(lists))

    async def _propose(
        self, principal: Principal, query: SearchQuery, text: str
    ) -> dict[str, Candidates]:
        lists: dict[str, Candidates] = {}
        limit = max(self._ranking.candidates, query.limit)
        vector = None
        if query.mode is not SearchMode.TEXT:
            vector = (await self._embedder.embed([text]))[0]
        async with self._database.connection() as connection:
            if query.mode is not SearchMode.VECTOR:
                lists["text"] = await self._store.text_candidates(
                    connection, text, principal.grants, query.filters, limit
                )
            if vector is not None:
                near = await self._store.vector_candidates(
                    connection,
                    vector,
                    self._embedder.model_id,
                    principal.grants,
                    query.filters,
                    limit,
                )
                lists["vector"] = self._above_threshold(near, query.mode, lists.get("text"))
        return lists

    def _above_threshold(
        self, near: Candidates, mode: SearchMode, by_text: Candidates | None
    ) -> Candidates:
        if mode is SearchMode.VECTOR:
            return near
        found_by_text = by_text.scores if by_text else {}
        kept = {
            key: score
            for key, score in near.scores.items()
            if score >= self._ranking.vector_threshold or key in found_by_text
        }
        # With nothing above the threshold the nearest still beat an empty answer.
        return Candidates(kept if kept or found_by_text else near.scores, near.total)

    async def _filter(self, principal: Principal, query: SearchQuery) -> SearchAnswer:
        async with self._database.connection() as connection:
            found = await self._store.filter_candidates(
                connection, principal.grants, query.filters, query.limit
            )
        fused = {key: Fused(score, {"filter": score}) for key, score in found.scores.items()}
        return await self._answer(principal, query, fused, found.total, "filter")

    async def _answer(
        self,
        principal: Principal,
        query: SearchQuery,
        fused: dict[EntryKey, Fused],
        total: int | None,
        strategy: str,
    ) -> SearchAnswer:
        async with self._database.connection() as connection:
            found = await self._store.hydrate(
                connection, list(fused), principal.grants, self._embedder.model_id
            )
        ranked = [key for key in fused if key in found][: query.limit]
        hits = tuple(_hit(found[key].entry, fused[key], query.query) for key in ranked)
        return SearchAnswer(hits=hits, total=total, strategy=strategy)


def _hit(entry: Entry, fused: Fused, query: str) -> SearchHit:
    shown = f"{entry.title}: {entry.description}" if entry.description else entry.title
    return SearchHit.model_construct(
        **dict(entry),
        relevance_score=min(1.0, fused.score),
        highlight=highlight(shown, query),
        parts=fused.parts,
    )
