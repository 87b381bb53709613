"""The change feed: what happened to what the caller may see, from any point on."""

import asyncio

from hyper_registry.domain.change import (
    Change,
    ChangeEvent,
    ChangeFilter,
    ChangePage,
    FeedPosition,
)
from hyper_registry.domain.principal import Principal
from hyper_registry.events.cursor import FeedCursors
from hyper_registry.events.signal import ChangeSignal
from hyper_registry.storage.change_feed_store import ChangeFeedStore
from hyper_registry.storage.database import Connection, Database

NOW = "now"
"""Cursor that passes over everything so far."""

_KEY_NAME = "change feed"
_EXAMINED_FIRST, _EXAMINED_GROWTH, _EXAMINED_MOST = 100, 4, 5_000
_EXAMINED_ROUNDS = 10
_SEARCHED_S = 5.0


class ChangeFeed:
    """Changes on behalf of a principal, who sees those of entries and relationships it may see now.

    Cursors are opaque, pages are filled with visible changes alone, and nobody is woken by what he
    may not see, so the feed does not tell that there is anything hidden.
    """

    def __init__(self, database: Database, store: ChangeFeedStore, signal: ChangeSignal) -> None:
        self._database = database
        self._store = store
        self._signal = signal
        self._cursors: FeedCursors | None = None

    async def page(
        self,
        principal: Principal,
        after: str | None,
        wanted: ChangeFilter,
        *,
        limit: int = 100,
        wait_s: float = 0,
    ) -> ChangePage:
        """Read changes, oldest first, from after a cursor on.

        Parameters
        ----------
        after
            A cursor of an earlier answer, `NOW`, or None to begin with the first change.
        wait_s
            Time to wait for the first change; 0 does not wait.

        Raises
        ------
        InvalidQueryError
            If the cursor is none of this registry.
        """
        cursors = await self.cursors()
        position = await self._position(after, cursors)
        clock = asyncio.get_running_loop().time
        # So long it looks through what others may see, before it answers without an end in sight.
        gives_up = clock() + max(wait_s, _SEARCHED_S)
        deadline = clock() + wait_s
        items: list[ChangeEvent] = []
        # On to the end or to a full page: where it stopped earlier would tell of what lies between.
        while True:
            readable = self._signal.readable
            changes, position = await self.read(
                principal, position, wanted, limit=limit - len(items)
            )
            items += [
                event_of(change, cursors, _at(position, change.change_no)) for change in changes
            ]
            if len(items) == limit or (items and position.is_at_end):
                break
            left_s = (deadline if position.is_at_end else gives_up) - clock()
            if left_s <= 0:
                break
            if position.is_at_end:
                await self._signal.wait(readable, left_s)
        return ChangePage(items=items, next_cursor=cursors.seal(position))

    async def read(
        self, principal: Principal, position: FeedPosition, wanted: ChangeFilter, *, limit: int
    ) -> tuple[list[Change], FeedPosition]:
        """Read changes from after a position on, and how far that went; does not wait.

        Looks through a bounded number of hidden or unwanted changes.
        """
        async with self._database.reading(principal.grants) as connection:
            return await self.read_on(connection, principal, position, wanted, limit=limit)

    async def read_on(
        self,
        connection: Connection,
        principal: Principal,
        position: FeedPosition,
        wanted: ChangeFilter,
        *,
        limit: int,
    ) -> tuple[list[Change], FeedPosition]:
        """Read as `read` does, on a connection of the caller's.

        What is read together is of one window, and does not end where a hidden change stands.
        """
        found: list[Change] = []
        examined = max(limit, _EXAMINED_FIRST)
        for _ in range(_EXAMINED_ROUNDS):
            changes, position = await self._store.read(
                connection,
                position,
                wanted,
                principal.grants,
                limit=limit - len(found),
                examined=examined,
            )
            found += changes
            is_whole = len(found) == limit or position.is_exhausted
            if position.is_at_end or (found and is_whole):
                break
            examined = min(_EXAMINED_GROWTH * examined, _EXAMINED_MOST)
        return found, position

    async def cursors(self) -> FeedCursors:
        """Return the cursors of this installation."""
        if self._cursors is None:
            async with self._database.connection() as connection:
                secret = await self._store.fetch_secret(connection, _KEY_NAME)
            self._cursors = FeedCursors(secret)
        return self._cursors

    async def now(self) -> FeedPosition:
        """Return the position after everything that can be read."""
        async with self._database.connection() as connection:
            horizon = (await self._store.fetch_snapshot(connection, 0)).horizon
        return FeedPosition(horizon, horizon, 0, 0)

    async def _position(self, after: str | None, cursors: FeedCursors) -> FeedPosition:
        if after is None:
            return FeedPosition()
        return await self.now() if after == NOW else cursors.open(after)


def event_of(
    change: Change, cursors: FeedCursors, position: FeedPosition | None = None
) -> ChangeEvent:
    """Tell a change, with a cursor where it has a position."""
    return ChangeEvent(
        event_id=cursors.event_id(change.change_no),
        cursor=None if position is None else cursors.seal(position),
        subject=change.subject,
        subject_id=change.subject_id,
        operation=change.operation,
        version=change.version,
        actor=change.actor,
        occurred_at=change.occurred_at,
        category=change.category,
        source_id=change.source_id,
        target_id=change.target_id,
        rel_type=change.rel_type,
    )


def _at(page_end: FeedPosition, change_no: int) -> FeedPosition:
    return FeedPosition(page_end.low, page_end.high, change_no, page_end.last_no)
