"""Candidates of a search from Postgres, and the embeddings they rest on."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
import numpy as np
from numpy.typing import NDArray

from hyper_registry.domain.entry import embedding_text
from hyper_registry.domain.identifiers import EntryKey
from hyper_registry.domain.search import SearchFilters
from hyper_registry.storage.database import Connection
from hyper_registry.storage.entry_store import KeyedEntry, keyed_entry
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("search")


@dataclass(frozen=True, slots=True)
class Candidates:
    """Keys with scores, best first.

    Attributes
    ----------
    scores
        By entry key, in the order of rank.
    total
        How many entries match in all; None where that has no meaning.
    """

    scores: dict[EntryKey, float]
    total: int | None


@dataclass(frozen=True, slots=True)
class EmbeddingInput:
    """A text to embed, and the hash that its vector will carry."""

    key: EntryKey
    text: str
    input_hash: bytes


class SearchStore:
    """Search queries in Postgres; takes a connection and never commits."""

    async def text_candidates(
        self,
        connection: Connection,
        query: str,
        grants: list[str] | None,
        filters: SearchFilters,
        limit: int,
    ) -> Candidates:
        """Rank the entries that hold all words of a query, or what its operators ask for."""
        rows = await connection.fetch(
            _SQL["text_candidates"], query, grants, *_conditions(filters), limit
        )
        return _candidates(rows, rows[0]["total"] if rows else 0)

    async def any_word_candidates(
        self,
        connection: Connection,
        query: str,
        grants: list[str] | None,
        filters: SearchFilters,
        limit: int,
        *,
        listed: Sequence[EntryKey] = (),
        entries_per_word: int = 500,
    ) -> Candidates:
        """Rank the entries that hold any word of a query, rare words counting most.

        Parameters
        ----------
        listed
            Entries to leave out.
        entries_per_word
            Entries looked at for one word: bounds the work, and common words tell little anyway.

        Returns
        -------
        Candidates
            Their total is None if a word occurs in as many entries as are looked at.
        """
        rows = await connection.fetch(
            _SQL["any_word_candidates"],
            query,
            grants,
            *_conditions(filters),
            limit,
            list(listed),
            entries_per_word,
        )
        return _candidates(rows, rows[0]["total"] if rows else 0)

    async def vector_candidates(
        self,
        connection: Connection,
        vector: NDArray[np.float32],
        model_id: str,
        grants: list[str] | None,
        filters: SearchFilters,
        limit: int,
    ) -> Candidates:
        """Rank all entries by cosine similarity to `vector`, exactly.

        Parameters
        ----------
        vector
            ``(384,) float32``, L2-normalised.
        """
        rows = await connection.fetch(
            _SQL["vector_candidates"],
            _vector_text(vector),
            grants,
            *_conditions(filters),
            limit,
            model_id,
        )
        return _candidates(rows, None)

    async def verified_vector_candidates(
        self,
        connection: Connection,
        vector: NDArray[np.float32],
        model_id: str,
        grants: list[str] | None,
        filters: SearchFilters,
        limit: int,
        *,
        snapshot_xid: int,
        proposed: Sequence[int],
    ) -> Candidates:
        """Rank what a snapshot proposes together with what changed since, exactly.

        Parameters
        ----------
        vector
            ``(384,) float32``, L2-normalised.
        snapshot_xid
            Position of the snapshot: entries written or embedded since are all ranked.
        proposed
            Entry keys; those that are deleted, no longer match or may not be seen are left out.
        """
        rows = await connection.fetch(
            _SQL["verified_vector_candidates"],
            _vector_text(vector),
            grants,
            *_conditions(filters),
            limit,
            model_id,
            snapshot_xid,
            proposed,
        )
        return _candidates(rows, None)

    async def filter_candidates(
        self,
        connection: Connection,
        grants: list[str] | None,
        filters: SearchFilters,
        limit: int,
    ) -> Candidates:
        """List entries that meet the filters, the latest change first."""
        rows = await connection.fetch(
            _SQL["filter_candidates"], grants, *_conditions(filters), limit
        )
        return _candidates(rows, rows[0]["total"] if rows else 0)

    async def hydrate(
        self,
        connection: Connection,
        keys: Sequence[EntryKey],
        grants: list[str] | None,
        model_id: str,
    ) -> dict[EntryKey, KeyedEntry]:
        """Read entries by key; those that `grants` may not see are absent."""
        rows = await connection.fetch(_SQL["hydrate"], list(keys), grants, model_id)
        return {found.key: found for found in map(keyed_entry, rows)}

    async def fetch_unembedded(
        self,
        connection: Connection,
        model_id: str,
        after: int,
        limit: int,
        *,
        changed_since: int = 0,
    ) -> list[EmbeddingInput]:
        """Read entries without a valid vector of the model, by key from after `after` on.

        Parameters
        ----------
        changed_since
            Only entries written by this transaction or a later one; 0 looks at all.
        """
        rows = await connection.fetch(
            _SQL["fetch_unembedded"], model_id, after, limit, changed_since
        )
        return [
            EmbeddingInput(
                EntryKey(row["entry_key"]),
                embedding_text(row["title"], row["description"], row["tags"]),
                bytes(row["embedding_input_hash"]),
            )
            for row in rows
        ]

    async def count_unembedded(self, connection: Connection, model_id: str, after: int = 0) -> int:
        """Count the entries without a valid vector of the model, by key from after `after` on."""
        count: int = await connection.fetchval(_SQL["count_unembedded"], model_id, after)
        return count

    async def fetch_horizon(self, connection: Connection) -> int:
        """Return the transaction below which all have ended."""
        horizon: int = await connection.fetchval(_SQL["fetch_horizon"])
        return horizon

    async def upsert_embeddings(
        self,
        connection: Connection,
        model_id: str,
        inputs: Sequence[EmbeddingInput],
        vectors: NDArray[np.float32],
    ) -> None:
        """Store the ``(len(inputs), 384) float32`` vectors of `inputs`."""
        await connection.execute(
            _SQL["upsert_embeddings"],
            [item.key for item in inputs],
            model_id,
            [item.input_hash for item in inputs],
            [_vector_text(vector) for vector in vectors],
        )


def _candidates(rows: Sequence[asyncpg.Record], total: int | None) -> Candidates:
    return Candidates({EntryKey(row["entry_key"]): row["score"] for row in rows}, total)


def _conditions(filters: SearchFilters) -> tuple[list[str] | None, ...]:
    return tuple(
        None if values is None else [str(value) for value in values]
        for values in (
            filters.category,
            filters.status,
            filters.owner,
            filters.tags,
            filters.compliance_status,
        )
    )


def _vector_text(vector: NDArray[np.float32]) -> str:
    return "[" + ",".join(f"{value:.7g}" for value in vector.tolist()) + "]"
