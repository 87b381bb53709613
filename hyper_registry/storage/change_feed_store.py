"""Reads of the change log: what the caller may see, without gaps and in order."""

import os
from dataclasses import dataclass, replace

import asyncpg

from hyper_registry.domain.change import Change, ChangeFilter, ChangeSubject, FeedPosition
from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("change_feed")

CHANGES = "change"
"""Channel notified when changes were committed; not of each commit, see migration 0014."""

_SECRET_BYTES = 64


@dataclass(frozen=True, slots=True)
class FeedSnapshot:
    """What can be read of the change log at a moment.

    Attributes
    ----------
    horizon
        All transactions below it have ended.
    unborn
        The first transaction that has not begun; above the horizon while some are running.
    changed
        Whether changes became readable since the horizon asked about.
    """

    horizon: int
    unborn: int
    changed: bool


class ChangeFeedStore:
    """Changes in Postgres; takes a connection and never commits."""

    async def fetch_snapshot(self, connection: Connection, since: int) -> FeedSnapshot:
        """Tell what can be read now."""
        row = await connection.fetchrow(_SQL["fetch_snapshot"], since)
        assert row is not None
        return FeedSnapshot(row["horizon"], row["unborn"], row["changed"])

    async def read(
        self,
        connection: Connection,
        at: FeedPosition,
        wanted: ChangeFilter,
        grants: list[str] | None,
        *,
        limit: int,
        examined: int,
    ) -> tuple[list[Change], FeedPosition]:
        """Read up to `limit` changes that the caller may see, and how far that went.

        Parameters
        ----------
        examined
            Changes looked at, at most; the position after them may come without a change.
        """
        if at.is_exhausted:
            at = await self._next_window(connection, at)
            if at.is_exhausted:
                return [], at
        rows = await connection.fetch(
            _SQL["read_window"],
            at.low,
            at.high,
            at.change_no,
            at.last_no,
            examined,
            grants,
            _texts(wanted.subjects),
            _texts(wanted.operations),
            _texts(wanted.categories),
            wanted.entry_id,
            limit,
        )
        changes = [_change(row) for row in rows if row["change_no"] is not None]
        if len(changes) == limit:
            reached = changes[-1].change_no
        elif rows[0]["examined"] == examined:
            reached = rows[0]["last_no"]
        else:
            reached = at.last_no
        return changes, replace(at, change_no=reached)

    async def fetch_secret(self, connection: Connection, name: str) -> bytes:
        """Return a random key of 64 bytes, always the same one in this installation."""
        secret = await connection.fetchval(_SQL["fetch_secret"], name)
        if secret is None:
            await connection.execute(_SQL["insert_secret"], name, os.urandom(_SECRET_BYTES))
            secret = await connection.fetchval(_SQL["fetch_secret"], name)
        return bytes(secret)

    async def _next_window(self, connection: Connection, at: FeedPosition) -> FeedPosition:
        row = await connection.fetchrow(_SQL["open_window"], at.high)
        assert row is not None
        # Never backwards: a restored server may be at lower transactions than the position.
        high = max(at.high, row["horizon"])
        if row["first_no"] is None:
            return FeedPosition(high, high, 0, 0)
        return FeedPosition(at.high, high, row["first_no"] - 1, row["last_no"])


def _texts(values: frozenset[str] | frozenset[ChangeSubject] | None) -> list[str] | None:
    return None if values is None else sorted(str(value) for value in values)


def _change(row: asyncpg.Record) -> Change:
    return Change(
        row["change_no"],
        ChangeSubject(row["subject"]),
        row["subject_id"],
        row["operation"],
        row["version"],
        row["actor"],
        row["occurred_at"],
        row["category"],
        row["source_id"],
        row["target_id"],
        row["rel_type"],
    )
