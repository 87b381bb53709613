"""The whole graph of relationships in memory, as one state that never changes.

A large adjacency is built once; what changed since stands in a small second one and in closed
slots of the first, until it is worth building the first anew. So a change costs copies of O(n)
small values rather than a sort of all edges, and a search needs no lock.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hyper_registry.graph.adjacency import (
    SOURCE,
    Adjacency,
    EdgeTable,
    build_adjacency,
    close_slots,
)
from hyper_registry.graph.nodes import Nodes
from hyper_registry.storage.graph_store import EDGE_ROW, Audience, GraphChanges

_LEAST_REBUILT = 10_000
_REBUILT_SHARE = 20


@dataclass(frozen=True, slots=True, eq=False)
class RegistryGraph:
    """Entries and the relationships between them.

    Attributes
    ----------
    nodes
        All entries, deleted ones too: they may live again.
    base, base_edges
        The slots of most edges, and those edges.
    removed
        Positions in `base_edges` whose slots are closed.
    recent, recent_edges
        The slots of the edges that came later, and those edges.
    """

    nodes: Nodes
    base: Adjacency
    base_edges: EdgeTable
    removed: NDArray[np.int64]
    recent: Adjacency
    recent_edges: EdgeTable

    @classmethod
    def build(cls, edges: NDArray[np.void], audiences: list[Audience]) -> Self:
        """Build the graph from all edges (of dtype `EDGE_ROW`) and all entries; O(n + m log m)."""
        nodes = Nodes.none().with_changes(audiences)
        return cls._of(nodes, _edge_table(nodes, edges))

    @classmethod
    def _of(cls, nodes: Nodes, edges: EdgeTable) -> Self:
        nothing = _edge_table(nodes, np.empty(0, EDGE_ROW))
        return cls(
            nodes=nodes,
            base=build_adjacency(edges, len(nodes)),
            base_edges=edges,
            removed=np.empty(0, np.int64),
            recent=build_adjacency(nothing, 0),
            recent_edges=nothing,
        )

    def with_changes(self, changes: GraphChanges) -> Self:
        """Return the graph after `changes`; this same one if they change nothing.

        Changes may be told twice, and changes later than told may be in them.
        """
        nodes = self.nodes.with_changes(changes.audiences)
        upserted = self._new_or_changed(_edge_table(nodes, changes.edges))
        gone = np.union1d(changes.removed_edges, upserted.keys)
        in_base = self.base_edges.positions_of(gone)
        in_base = np.setdiff1d(in_base[in_base >= 0], self.removed)
        in_recent = self.recent_edges.positions_of(gone)
        in_recent = in_recent[in_recent >= 0]
        if nodes is self.nodes and not (len(upserted) or len(in_base) or len(in_recent)):
            return self
        base, removed = self.base, self.removed
        if len(in_base):
            base = close_slots(base, _rows(self.base_edges, in_base))
            removed = np.union1d(removed, in_base)
        recent, recent_edges = self.recent, self.recent_edges
        if len(upserted) or len(in_recent):
            recent_edges = recent_edges.without(in_recent).merged_with(upserted)
            if self._is_worth_building_anew(len(removed) + len(recent_edges)):
                edges = self.base_edges.without(removed).merged_with(recent_edges)
                return self._of(nodes, edges)
            recent = build_adjacency(recent_edges, len(nodes))
        return type(self)(nodes, base, self.base_edges, removed, recent, recent_edges)

    @property
    def edges(self) -> EdgeTable:
        """All edges of this state; O(m)."""
        return self.base_edges.without(self.removed).merged_with(self.recent_edges)

    def degrees(self, node: int, visible: NDArray[np.bool_]) -> tuple[int, int]:
        """Count the relationships that end and that start at a node, of visible other ends."""
        ending = starting = 0
        for adjacency in (self.base, self.recent):
            slots = adjacency.slots_of(node)
            flags = adjacency.flags[slots][visible[adjacency.neighbours[slots]]]
            starts = int(np.count_nonzero(flags & SOURCE))
            starting += starts
            ending += int(np.count_nonzero(flags)) - starts
        return ending, starting

    def _new_or_changed(self, edges: EdgeTable) -> EdgeTable:
        """Leave out what stands here already: then only the weight or the metadata changed."""
        in_base = self.base_edges.positions_of(edges.keys)
        in_base[np.isin(in_base, self.removed)] = -1
        in_recent = self.recent_edges.positions_of(edges.keys)
        known = (in_base >= 0) & _equal(self.base_edges, in_base, edges)
        known |= (in_recent >= 0) & _equal(self.recent_edges, in_recent, edges)
        return edges.without(np.flatnonzero(known))

    def _is_worth_building_anew(self, changed: int) -> bool:
        return changed > max(_LEAST_REBUILT, len(self.base_edges) // _REBUILT_SHARE)


def _edge_table(nodes: Nodes, rows: NDArray[np.void]) -> EdgeTable:
    sources, targets = nodes.numbers_of(rows["source_key"]), nodes.numbers_of(rows["target_key"])
    # An end is unknown only if its entry was erased since the edge was read.
    kept = np.flatnonzero((sources >= 0) & (targets >= 0))
    kept = kept[np.argsort(rows["key"][kept], kind="stable")]
    return EdgeTable(
        rows["key"][kept],
        sources[kept].astype(np.int32),
        targets[kept].astype(np.int32),
        rows["type_id"][kept],
        rows["bidirectional"][kept],
    )


def _rows(edges: EdgeTable, positions: NDArray[np.int64]) -> EdgeTable:
    return EdgeTable(
        edges.keys[positions],
        edges.sources[positions],
        edges.targets[positions],
        edges.type_ids[positions],
        edges.bidirectional[positions],
    )


def _equal(edges: EdgeTable, positions: NDArray[np.int64], others: EdgeTable) -> NDArray[np.bool_]:
    """Tell which rows equal which; what stands for a position of -1 has no meaning."""
    if len(edges) == 0:
        return np.zeros(len(positions), np.bool_)
    rows = _rows(edges, positions)
    return (
        (rows.sources == others.sources)
        & (rows.targets == others.targets)
        & (rows.type_ids == others.type_ids)
        & (rows.bidirectional == others.bidirectional)
    )
