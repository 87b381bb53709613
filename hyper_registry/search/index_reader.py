"""The version of the vector index that this process searches with."""

import asyncio
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from hyper_registry.domain.index_version import IndexVersion, SearchStatus
from hyper_registry.domain.principal import Principal
from hyper_registry.storage.database import Database
from hyper_registry.storage.index_store import ACTIVATIONS, IndexLag, IndexStore
from hyper_registry.storage.notifications import Subscription
from hyper_registry.storage.search_store import SearchStore
from index.attributes import AttributeFilter
from index.candidates import Candidates
from index.errors import IndexFormatError, VectorIndexError
from index.snapshot import Snapshot

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class OpenVersion:
    """A version whose files are mapped; whoever holds it can search in it."""

    version: IndexVersion
    snapshot: Snapshot
    opened_at: datetime


class IndexReader:
    """Opens the active version of the index and turns to a new one when one is activated.

    A search goes on in the version that it began with. A version that cannot be used is logged and
    passed over: searches stay in the version before, or in Postgres alone where none is open. Both
    answer right, because Postgres verifies what an index proposes and adds what changed since.

    All calls come from one event loop.

    Parameters
    ----------
    model_id
        Model that embeds the queries; versions of another model are refused.
    threads
        Searches that run at once; more than there are cores only make each other wait.
    """

    def __init__(
        self,
        database: Database,
        store: IndexStore,
        search_store: SearchStore,
        model_id: str,
        *,
        threads: int | None = None,
    ) -> None:
        self._database = database
        self._store = store
        self._search_store = search_store
        self._model_id = model_id
        self._threads = ThreadPoolExecutor(
            threads or os.cpu_count() or 1, thread_name_prefix="index"
        )
        self._opening = asyncio.Lock()
        self._has_looked = False
        self._open: OpenVersion | None = None
        self._error: str | None = None
        self._told = asyncio.Event()

    @property
    def activations(self) -> Subscription:
        """What a listener must call so that a new version is opened at once."""
        return Subscription(ACTIVATIONS, on_notification=lambda _version: self._told.set())

    async def current(self) -> OpenVersion | None:
        """Return the open version; None if searches are left to Postgres alone.

        The first call looks for the active version and waits until it is open.

        Raises
        ------
        DatabaseUnavailableError
            If it is the first call and Postgres is away.
        """
        if not self._has_looked:
            await self.refresh()
        return self._open

    async def refresh(self) -> None:
        """Turn to the active version, if that is not the open one.

        Raises
        ------
        DatabaseUnavailableError
            If Postgres is away; the open version stays.
        """
        async with self._opening:
            async with self._database.connection() as connection:
                active = await self._store.active(connection)
                horizon = await self._search_store.fetch_horizon(connection)
            await self._turn_to(active, horizon)
            self._has_looked = True

    async def keep_current(self, *, interval_s: float = 1.0) -> NoReturn:
        """Refresh when a version is activated, and after each interval; until cancelled.

        A failing round is logged once and repeated.
        """
        failing = False
        while True:
            try:
                await self.refresh()
                failing = False
            except Exception as error:
                # Whatever it is, the open version stays good and the next round may succeed.
                if not failing:
                    _logger.exception("Looking for a new index version failed: %s", error)
                failing = True
            with suppress(TimeoutError):
                async with asyncio.timeout(interval_s):
                    await self._told.wait()
            self._told.clear()

    async def propose(
        self, opened: OpenVersion, vector: NDArray[np.float32], k: int, where: AttributeFilter
    ) -> Candidates:
        """Search in an open version, on a thread of its own.

        Raises
        ------
        VectorIndexError
            If the version cannot answer.
        """
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, opened.snapshot.search, vector, k, where
        )

    async def status(self, principal: Principal) -> SearchStatus:
        """Tell how current the open version is, counting what the principal may see.

        Raises
        ------
        DatabaseUnavailableError
            If Postgres is away.
        """
        opened = await self.current()
        grants = principal.grants
        async with self._database.connection() as connection:
            active = await self._store.active(connection)
            lag = await self._store.fetch_lag(
                connection, grants, self._model_id, opened.version.snapshot_xid if opened else 0
            )
        return SearchStatus(
            active_version=active.version if active else None,
            index_version=opened.version.version if opened else None,
            snapshot_xid=opened.version.snapshot_xid if opened and grants is None else None,
            snapshot_entries=_entries_in(opened, grants, lag),
            opened_at=opened.opened_at if opened else None,
            changed_entries=lag.changed_entries,
            unembedded_entries=lag.unembedded_entries,
            error=self._error if grants is None else None,
        )

    def close(self) -> None:
        """Let go of the open version after the searches under way."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._open = None

    async def _turn_to(self, active: IndexVersion | None, horizon: int) -> None:
        if active is None:
            self._open, self._error = None, None
            return
        if self._open is not None and self._open.version.version == active.version:
            self._error = None
            return
        try:
            snapshot = await asyncio.to_thread(_opened, active, self._model_id, horizon)
        except (VectorIndexError, OSError) as error:
            reason = str(error)
            if reason != self._error:
                _logger.warning("Index version %d cannot be used: %s", active.version, reason)
            self._error = reason
            return
        self._open = OpenVersion(active, snapshot, datetime.now(UTC))
        self._error = None
        _logger.info("Searching in index version %d, %d rows", active.version, snapshot.row_count)


def _opened(active: IndexVersion, model_id: str, horizon: int) -> Snapshot:
    if active.snapshot_xid > horizon:
        # Transaction numbers begin anew when a dump is restored: the delta would miss writes.
        reason = f"was taken at transaction {active.snapshot_xid}, this server is at {horizon}"
        raise IndexFormatError(active.uri, f"{reason}: build the index anew")
    directory = active.directory
    if directory is None:
        raise IndexFormatError(active.uri, "is no file: URI, and no other kind can be read")
    snapshot = Snapshot.open(directory, model_id=model_id)
    if snapshot.snapshot_xid != active.snapshot_xid:
        reason = f"was taken at {snapshot.snapshot_xid}, Postgres says {active.snapshot_xid}"
        raise IndexFormatError(active.uri, reason)
    snapshot.warm_up()
    return snapshot


def _entries_in(opened: OpenVersion | None, grants: list[str] | None, lag: IndexLag) -> int:
    """Count entries of a version; who may see some as they are now learns of those that are so."""
    if opened is None:
        return 0
    return opened.snapshot.row_count if grants is None else lag.unchanged_entries
