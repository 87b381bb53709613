"""The graph in memory, brought up to date with Postgres before each question.

The position of the graph is a whole ``pg_snapshot`` rather than its horizon alone: it names the
transactions that had not ended, so a change that commits late is read once and none is read again
while an old transaction stays open.
"""

import asyncio
import logging
import time

import numpy as np

from hyper_registry.graph.registry_graph import RegistryGraph
from hyper_registry.storage.database import Connection, Database
from hyper_registry.storage.graph_store import EDGE_ROW, GraphStore

_logger = logging.getLogger(__name__)

_MOST_CHANGED_EDGES = 20_000
"""Above so many it is quicker to read all edges than those that changed, one by one."""


class GraphCache:
    """Holds the graph of one process; a change that has committed is in the next answer."""

    def __init__(self, database: Database, store: GraphStore) -> None:
        self._database = database
        self._store = store
        self._graph = RegistryGraph.build(np.empty(0, EDGE_ROW), [])
        self._snapshot: str | None = None
        self._refreshing = asyncio.Lock()
        self._last_begun = 0
        self._last_done = 0

    async def current(self) -> RegistryGraph:
        """Return the graph with all that had committed when this was called.

        The first call reads the whole graph: about a second for 300,000 relationships.

        Raises
        ------
        DatabaseUnavailableError
            If Postgres cannot be reached.
        """
        begun_before = self._last_begun
        async with self._refreshing:
            # A refresh that began while this call waited has read all that this call may expect.
            if self._last_done <= begun_before:
                self._last_begun += 1
                await self._refresh()
                self._last_done = self._last_begun
            return self._graph

    async def _refresh(self) -> None:
        async with self._database.connection() as connection:
            snapshot = await self._store.fetch_snapshot(connection)
            if snapshot == self._snapshot:
                return
            changes = None
            if self._snapshot is not None:
                changes = await self._store.fetch_changes(
                    connection, self._snapshot, _MOST_CHANGED_EDGES
                )
            if changes is None:
                self._graph = await self._load(connection)
            else:
                self._graph = await asyncio.to_thread(self._graph.with_changes, changes)
            self._snapshot = snapshot

    async def _load(self, connection: Connection) -> RegistryGraph:
        started = time.monotonic()
        edges = await self._store.load_edges(connection)
        audiences = await self._store.load_entries(connection)
        graph = await asyncio.to_thread(RegistryGraph.build, edges, audiences)
        _logger.info(
            "read the graph: %d entries, %d relationships in %.2f s",
            len(graph.nodes),
            len(graph.base_edges),
            time.monotonic() - started,
        )
        return graph
