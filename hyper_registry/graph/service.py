"""Questions about the graph, on behalf of a principal: what is hidden is not in the graph."""

import asyncio

import numpy as np

from hyper_registry.domain.analytics import DependedOn, RelationshipCounts
from hyper_registry.domain.errors.entry import EntryNotFoundError
from hyper_registry.domain.graph import Centrality, PathAnswer
from hyper_registry.domain.identifiers import EntryId, EntryKey
from hyper_registry.domain.principal import Principal
from hyper_registry.domain.relationship import Direction
from hyper_registry.graph.closeness import closeness
from hyper_registry.graph.graph_cache import GraphCache
from hyper_registry.graph.measurement import Measurement, measure
from hyper_registry.graph.registry_graph import RegistryGraph
from hyper_registry.graph.relationship_counts import count_relationships
from hyper_registry.graph.shortest_path import shortest_path
from hyper_registry.storage.database import Database
from hyper_registry.storage.entry_store import EntryStore
from hyper_registry.storage.graph_store import GraphStore

_ATTEMPTS = 3
_MEASUREMENTS_KEPT = 8


class GraphService:
    """Paths and centrality over the entries that a principal may see."""

    def __init__(self, database: Database, entries: EntryStore, store: GraphStore) -> None:
        self._database = database
        self._entries = entries
        self._store = store
        self._cache = GraphCache(database, store)
        self._measuring = asyncio.Lock()
        self._measured_graph: RegistryGraph | None = None
        self._measurements: dict[tuple[str, ...] | None, Measurement] = {}

    async def shortest_path(
        self,
        principal: Principal,
        source_id: str,
        target_id: str,
        *,
        rel_types: tuple[str, ...] | None = None,
        max_hops: int = 12,
        direction: Direction = Direction.BOTH,
    ) -> PathAnswer:
        """Find a shortest path of at most `max_hops` relationships between two entries.

        It passes only entries that the caller may see.

        Parameters
        ----------
        rel_types
            Types of the relationships that it may take; None admits all.
        direction
            ``out`` follows relationships and ``in`` goes against them, bidirectional ones either
            way; ``both`` disregards direction.

        Raises
        ------
        EntryNotFoundError
            If an end is no entry that the caller may see.
        """
        for _attempt in range(_ATTEMPTS):
            keys, type_ids = await self._resolve(principal, (source_id, target_id), rel_types)
            graph = await self._cache.current()
            route = await asyncio.to_thread(
                shortest_path,
                graph,
                _node(graph, principal, source_id, keys),
                _node(graph, principal, target_id, keys),
                graph.nodes.visible_to(principal.grants),
                direction=direction,
                type_ids=type_ids,
                max_hops=max_hops,
            )
            if not route.nodes:
                return PathAnswer(
                    found=False, complete=route.complete, hops=None, entries=(), links=()
                )
            path = [EntryKey(int(graph.nodes.keys[node])) for node in route.nodes]
            answer = await self._read_path(principal, path, type_ids, direction)
            if answer is not None:
                return answer
        # What was found was gone each time that it was read: writes were faster than we are.
        return PathAnswer(found=False, complete=False, hops=None, entries=(), links=())

    async def centrality(self, principal: Principal, entry_id: str) -> Centrality:
        """Measure how central an entry is among those that the caller may see.

        The first question after a change measures the whole graph; those after it take
        milliseconds.

        Raises
        ------
        EntryNotFoundError
            If there is no such entry that the caller may see.
        """
        keys, _ = await self._resolve(principal, (entry_id,), None)
        graph, measured = await self._measure(principal)
        node = _node(graph, principal, entry_id, keys)
        seen = measured.graph
        number = int(seen.numbers[node])
        in_degree, out_degree = graph.degrees(node, graph.nodes.visible_to(principal.grants))
        return Centrality(
            entry_id=EntryId(entry_id),
            degree_centrality=seen.degree(number) / (seen.nodes - 1) if seen.nodes > 1 else 1.0,
            in_degree=in_degree,
            out_degree=out_degree,
            betweenness_centrality=float(measured.betweenness[number]),
            betweenness_error=measured.betweenness_error,
            closeness_centrality=await asyncio.to_thread(closeness, seen, number),
            component_size=int(measured.components.sizes[measured.components.labels[number]]),
            nodes=seen.nodes,
            edges=seen.edges,
        )

    async def relationship_counts(
        self, principal: Principal, *, rel_type: str = "depends_on", limit: int = 10
    ) -> RelationshipCounts:
        """Count the relationships whose both ends the caller may see.

        Parameters
        ----------
        rel_type
            Whose targets to rank; of equal ones the entry registered first comes first.
        """
        async with self._database.connection() as connection:
            types = await self._store.fetch_types(connection)
        graph = await self._cache.current()
        visible = graph.nodes.visible_to(principal.grants)
        by_type, dependents = await asyncio.to_thread(
            count_relationships, graph, visible, types.get(rel_type)
        )
        # By key, since nodes are numbered in the order in which groups of readers were met.
        ranked = np.lexsort((graph.nodes.keys, -dependents))[:limit]
        ranked = ranked[dependents[ranked] > 0]
        keys = [EntryKey(int(key)) for key in graph.nodes.keys[ranked]]
        async with self._database.reading(principal.grants) as connection:
            entries = await self._store.fetch_entries(connection, keys, principal.grants)
        counts = ((name, int(by_type[type_id])) for name, type_id in types.items())
        return RelationshipCounts(
            by_rel_type={
                name: count
                for name, count in sorted(counts, key=lambda item: (-item[1], item[0]))
                if count
            },
            most_depended_on=tuple(
                DependedOn(
                    entry_id=entries[key].entry_id,
                    title=entries[key].title,
                    dependents=int(dependents[node]),
                )
                for key, node in zip(keys, ranked, strict=True)
                if key in entries
            ),
        )

    async def _resolve(
        self, principal: Principal, entry_ids: tuple[str, ...], rel_types: tuple[str, ...] | None
    ) -> tuple[dict[str, EntryKey], list[int] | None]:
        """Look up ids before the graph is brought up to date, so that it knows them."""
        async with self._database.reading(principal.grants) as connection:
            keys = await self._entries.fetch_keys(connection, entry_ids, principal.grants)
            for entry_id in entry_ids:
                if entry_id not in keys:
                    raise EntryNotFoundError(entry_id)
            if rel_types is None:
                return keys, None
            types = await self._store.fetch_types(connection)
            return keys, [types[name] for name in rel_types if name in types]

    async def _read_path(
        self,
        principal: Principal,
        keys: list[EntryKey],
        type_ids: list[int] | None,
        direction: Direction,
    ) -> PathAnswer | None:
        """Read a path in full; None if it has changed since it was found."""
        async with self._database.reading(principal.grants) as connection:
            entries = await self._store.fetch_entries(connection, keys, principal.grants)
            links = await self._store.fetch_path_links(connection, keys, type_ids, direction)
        if len(entries) < len(keys) or len(links) < len(keys) - 1:
            return None
        passed = tuple(entries[key] for key in keys)
        return PathAnswer(found=True, complete=True, hops=len(links), entries=passed, links=links)

    async def _measure(self, principal: Principal) -> tuple[RegistryGraph, Measurement]:
        grants = None if principal.grants is None else tuple(principal.grants)
        # One at a time: callers who wait find the answer of the first.
        async with self._measuring:
            graph = await self._cache.current()
            if graph is not self._measured_graph:
                self._measured_graph = graph
                self._measurements.clear()
            measured = self._measurements.get(grants)
            if measured is None:
                visible = graph.nodes.visible_to(grants)
                measured = await asyncio.to_thread(measure, graph, visible)
                while len(self._measurements) >= _MEASUREMENTS_KEPT:
                    del self._measurements[next(iter(self._measurements))]
                self._measurements[grants] = measured
            return graph, measured


def _node(
    graph: RegistryGraph, principal: Principal, entry_id: str, keys: dict[str, EntryKey]
) -> int:
    node = graph.nodes.number_of(keys[entry_id])
    if node is None or not graph.nodes.visible_to(principal.grants)[node]:
        # Deleted or hidden since its id was looked up.
        raise EntryNotFoundError(entry_id)
    return node
