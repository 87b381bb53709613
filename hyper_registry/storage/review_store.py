"""Reviews of proposed changes."""

from uuid import UUID

import asyncpg

from hyper_registry.domain.entry import Entry
from hyper_registry.domain.review import DecisionDraft, Review, ReviewDraft, ReviewState
from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("review")


class ReviewStore:
    """Reviews in Postgres; takes a connection and never commits."""

    async def insert(
        self,
        connection: Connection,
        before: Entry,
        after: Entry,
        draft: ReviewDraft,
        actor: str,
    ) -> UUID:
        """Keep a proposed change of the entry `before`, which would be `after`."""
        review_id: UUID = await connection.fetchval(
            _SQL["insert_review"],
            before.entry_id,
            before.version,
            after.namespace,
            draft.patch,
            draft.note,
            before.readers,
            after.readers,
            actor,
        )
        return review_id

    async def fetch(
        self, connection: Connection, review_id: UUID, grants: list[str] | None
    ) -> Review | None:
        """Read a review that `grants` may see."""
        row = await connection.fetchrow(_SQL["fetch_review"], review_id, grants)
        return None if row is None else _review(row)

    async def list_of_entry(
        self,
        connection: Connection,
        entry_id: str,
        grants: list[str] | None,
        after: UUID | None,
        limit: int,
    ) -> list[Review]:
        """Read the reviews of an entry that `grants` may see, from after one of them on."""
        rows = await connection.fetch(_SQL["list_of_entry"], entry_id, grants, after, limit)
        return [_review(row) for row in rows]

    async def list_open(
        self,
        connection: Connection,
        grants: list[str] | None,
        after: UUID | None,
        limit: int,
        *,
        undecided_by: str | None = None,
        namespaces: list[str] | None = None,
    ) -> list[Review]:
        """Read open reviews that `grants` may see, from after one of them on.

        Parameters
        ----------
        undecided_by
            Who neither proposed them nor decided about them; None for whoever.
        namespaces
            Those that they are in; None for all.
        """
        rows = await connection.fetch(
            _SQL["list_open"], grants, after, limit, undecided_by, namespaces
        )
        return [_review(row) for row in rows]

    async def lock(self, connection: Connection, review_id: UUID) -> None:
        """Hold a review until the transaction ends."""
        await connection.execute(_SQL["lock_review"], review_id)

    async def decide(
        self, connection: Connection, review_id: UUID, draft: DecisionDraft, actor: str
    ) -> None:
        """Keep what an owner decided about a held review."""
        await connection.execute(
            _SQL["insert_decision"], review_id, draft.decision.value, draft.note, actor
        )

    async def close(
        self,
        connection: Connection,
        review_id: UUID,
        state: ReviewState,
        applied_version: int | None = None,
    ) -> None:
        """End a held review."""
        await connection.execute(_SQL["close_review"], review_id, state.value, applied_version)


def _review(row: asyncpg.Record) -> Review:
    return Review.model_validate(dict(row))
