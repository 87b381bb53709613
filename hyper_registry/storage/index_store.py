"""Versions of the vector index, and the rows that they are built from."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false
# (pyarrow has no annotations)

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import asyncpg
import pyarrow as pa

from hyper_registry.domain.errors.service import IndexVersionUnavailableError
from hyper_registry.domain.index_version import IndexVersion, IndexVersionState
from hyper_registry.storage.database import Connection
from hyper_registry.storage.index_rows import index_rows
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("index")

ACTIVATIONS = "index_version"
"""Channel on which each activation is told, when its transaction commits."""


@dataclass(frozen=True, slots=True)
class IndexLag:
    """How far a snapshot and the embeddings are behind, in entries that one caller may see."""

    changed_entries: int
    unchanged_entries: int
    unembedded_entries: int


class IndexStore:
    """Index versions in Postgres; takes a connection and never commits."""

    async def create(
        self,
        connection: Connection,
        *,
        uri: str,
        snapshot_xid: int,
        model_id: str,
        shard_count: int,
    ) -> IndexVersion:
        """Record that a version is being built."""
        row = await connection.fetchrow(
            _SQL["insert_version"], uri, snapshot_xid, model_id, shard_count
        )
        assert row is not None
        return _version(row)

    async def activate(self, connection: Connection, version: int, row_count: int) -> None:
        """Let searches use a built version; the one before is kept for `rollback`.

        Both happen when the caller's transaction commits; processes that listen on
        ``index_version`` are told then.

        Raises
        ------
        IndexVersionUnavailableError
            If there is no such version, or it was active before or has failed.
        """
        marked = await connection.fetchval(_SQL["mark_active"], version, row_count)
        if marked is None:
            raise IndexVersionUnavailableError(
                str(version),
                "it is not one that has just been built",
                "Build the index anew, or return to the version before with a rollback.",
            )
        await connection.execute(_SQL["switch_pointer"], version)
        await self._settle(connection, version)

    async def give_up_others(self, connection: Connection, version: int) -> None:
        """Mark failed what else is being built: one build runs at a time, so nobody builds it."""
        await connection.execute(_SQL["fail_others"], version)

    async def active(self, connection: Connection) -> IndexVersion | None:
        """Return the version that searches use; None before the first one."""
        row = await connection.fetchrow(_SQL["fetch_active"])
        return None if row is None else _version(row)

    async def list_versions(self, connection: Connection) -> list[IndexVersion]:
        """Return all versions, newest first."""
        return [_version(row) for row in await connection.fetch(_SQL["list_versions"])]

    async def rollback(self, connection: Connection) -> IndexVersion:
        """Let searches use the version before the active one; again, and they change back.

        Raises
        ------
        IndexVersionUnavailableError
            If there is no version before.
        """
        version = await connection.fetchval(_SQL["swap_pointer"])
        if version is None:
            raise IndexVersionUnavailableError(
                "before the active one", "there is none", "Build the index anew."
            )
        row = await connection.fetchrow(_SQL["mark_active_again"], version)
        assert row is not None
        await self._settle(connection, version)
        return _version(row)

    async def remove(self, connection: Connection, version: int) -> bool:
        """Forget a version that ended; False if it is, or may again become, the active one."""
        return await connection.fetchval(_SQL["delete_version"], version) is not None

    async def let_go_of_erased(self, connection: Connection) -> int | None:
        """Rule out a rollback to a version that holds an erased person.

        Returns
        -------
        int or None
            The last transaction that erased one; None if there was none.
        """
        erased_xid: int | None = await connection.fetchval(_SQL["fetch_erased_xid"])
        if erased_xid is not None:
            await connection.execute(_SQL["forget_previous"], erased_xid)
        return erased_xid

    async def count_rows(self, connection: Connection, model_id: str) -> int:
        """Count the living entries with a valid vector of the model."""
        count: int = await connection.fetchval(_SQL["count_rows"], model_id)
        return count

    async def shard_bounds(
        self, connection: Connection, model_id: str, shard_count: int
    ) -> list[tuple[int, int]]:
        """Divide the living entries with a valid vector into ranges of nearly equal counts.

        Entries embedded later, also those between two ranges, belong to the delta of a version
        whose position was taken before.

        Returns
        -------
        list
            First and last entry key of each range, rising; fewer than `shard_count` only where
            there are fewer entries.
        """
        rows = await connection.fetch(_SQL["fetch_shard_bounds"], model_id, shard_count)
        return [(row["first_key"], row["last_key"]) for row in rows]

    async def fetch_rows(
        self,
        connection: Connection,
        model_id: str,
        first_key: int,
        last_key: int,
        batch_rows: int = 8_192,
    ) -> AsyncGenerator[pa.RecordBatch]:
        """Read the rows of one shard, by key.

        Each batch is a statement of its own, so that a long read holds back neither vacuum nor the
        change feed; what changes in between is in the delta of the version anyway.

        Parameters
        ----------
        first_key, last_key
            Range of entry keys, both included.
        batch_rows
            Entries looked at for each batch.

        Yields
        ------
        pyarrow.RecordBatch
            Between 1 and `batch_rows` rows as `index_rows` builds them, all with a valid vector.
        """
        after = first_key
        while True:
            rows = await connection.fetch(_SQL["fetch_rows"], model_id, after, last_key, batch_rows)
            embedded = [row for row in rows if row["vector"] is not None]
            if embedded:
                yield index_rows(embedded)
            if len(rows) < batch_rows:
                return
            after = rows[-1]["entry_key"] + 1

    async def fetch_lag(
        self,
        connection: Connection,
        grants: list[str] | None,
        model_id: str,
        snapshot_xid: int,
    ) -> IndexLag:
        """Count what a snapshot lacks and what has no valid vector, as far as `grants` may see."""
        return IndexLag(
            await connection.fetchval(_SQL["count_changed"], grants, snapshot_xid),
            await connection.fetchval(_SQL["count_unchanged"], grants, model_id, snapshot_xid),
            await connection.fetchval(_SQL["count_unembedded"], grants, model_id),
        )

    async def _settle(self, connection: Connection, version: int) -> None:
        await connection.execute(_SQL["retire_others"], version)
        await connection.execute(_SQL["notify_readers"], version)


def _version(row: asyncpg.Record) -> IndexVersion:
    return IndexVersion(
        version=row["version"],
        state=IndexVersionState(row["state"]),
        uri=row["uri"],
        snapshot_xid=row["snapshot_xid"],
        model_id=row["model_id"],
        row_count=row["row_count"],
        shard_count=row["shard_count"],
        created_at=row["created_at"],
        activated_at=row["activated_at"],
    )
