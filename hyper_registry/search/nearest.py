"""The entries nearest to a vector: the index proposes, Postgres decides."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hyper_registry.domain.identifiers import EntryKey
from hyper_registry.domain.search import SearchFilters
from hyper_registry.search.index_reader import IndexReader, OpenVersion
from hyper_registry.storage.database import Database
from hyper_registry.storage.search_store import Candidates, SearchStore
from index.attributes import AttributeFilter
from index.candidates import Candidates as Proposal
from index.errors import VectorIndexError
from index.query import MOST_HITS

_logger = logging.getLogger(__name__)

# The first request leaves room for a few entries that changed, a further one for many.
_SPARE_SHARE = 0.25
_GROWTH = 8
# The index rounds rows once more, so its scores may differ by this much from those of Postgres.
_ROUNDING = 5e-5


@dataclass(frozen=True, slots=True)
class Nearest:
    """Entries by cosine similarity, and how they were found."""

    candidates: Candidates
    strategy: str


def nearest_to_any(found: Sequence[Nearest], limit: int) -> Nearest:
    """Return the `limit` entries nearest to any of several vectors, of which `found` are those.

    An entry's similarity is the highest that it was found with.
    """
    if len(found) == 1:
        return found[0]
    best: dict[EntryKey, float] = {}
    for part in found:
        for key, score in part.candidates.scores.items():
            best[key] = max(score, best.get(key, score))
    ranked = sorted(best.items(), key=lambda item: -item[1])[:limit]
    return Nearest(Candidates(dict(ranked), None), found[0].strategy)


class NearestEntries:
    """Finds the entries nearest to a vector, as they are stored at this moment."""

    def __init__(
        self, database: Database, store: SearchStore, index: IndexReader, model_id: str
    ) -> None:
        self._database = database
        self._store = store
        self._index = index
        self._model_id = model_id

    async def find(
        self,
        vector: NDArray[np.float32],
        grants: list[str] | None,
        filters: SearchFilters,
        limit: int,
    ) -> Nearest:
        """Find the `limit` nearest entries; fewer only if no more meet the filters.

        Parameters
        ----------
        vector
            ``(dimension,) float32``, L2-normalised.

        Raises
        ------
        DatabaseUnavailableError
            If Postgres is away.
        """
        opened = await self._index.current()
        if opened is not None:
            try:
                found = await self._in_snapshot(opened, vector, grants, filters, limit)
            except VectorIndexError:
                _logger.exception("Index version %d cannot answer", opened.version.version)
            else:
                if found is not None:
                    return found
        async with self._database.connection() as connection:
            exact = await self._store.vector_candidates(
                connection, vector, self._model_id, grants, filters, limit
            )
        return Nearest(exact, "vector(postgres)")

    async def _in_snapshot(
        self,
        opened: OpenVersion,
        vector: NDArray[np.float32],
        grants: list[str] | None,
        filters: SearchFilters,
        limit: int,
    ) -> Nearest | None:
        """Ask the snapshot for more until nothing it kept back can belong to the answer.

        None if so much of it is outdated that the most it can be asked for is not enough.
        """
        where = _attribute_filter(filters, grants)
        asked = min(limit + int(limit * _SPARE_SHARE), MOST_HITS)
        while True:
            proposal = await self._index.propose(opened, vector, asked, where)
            async with self._database.connection() as connection:
                found = await self._store.verified_vector_candidates(
                    connection,
                    vector,
                    self._model_id,
                    grants,
                    filters,
                    limit,
                    snapshot_xid=opened.version.snapshot_xid,
                    proposed=proposal.entry_keys.tolist(),
                )
            if _is_settled(found, proposal, limit):
                # How the snapshot is searched follows from the share of its rows that the caller
                # may see, so only those who see all of them are told.
                how = f" {proposal.strategy}" if grants is None else ""
                return Nearest(found, f"vector(snapshot{how}+delta)")
            if asked == MOST_HITS:
                return None
            asked = min(asked * _GROWTH, MOST_HITS)


def _is_settled(found: Candidates, proposal: Proposal, limit: int) -> bool:
    """Whether every row that the snapshot did not propose is farther than all that were found."""
    if proposal.complete:
        return True
    if len(found.scores) < limit:
        return False
    *_, farthest = found.scores.values()
    return farthest >= proposal.scores[-1] - _ROUNDING


def _attribute_filter(filters: SearchFilters, grants: list[str] | None) -> AttributeFilter:
    return AttributeFilter(
        category=filters.category,
        status=_values(filters.status),
        owner=filters.owner,
        compliance_status=_values(filters.compliance_status),
        tags_any=filters.tags,
        readers=None if grants is None else tuple(grants),
    )


def _values(states: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if states is None else tuple(str(state) for state in states)
