"""Which nodes are next to which: one compressed row of slots a node.

Each relationship takes two slots, one at either end, so that a search can walk it from both.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.kernels import compiled

FORWARD = 1
"""The slot may be walked by a search that follows relationships."""
BACKWARD = 2
"""The slot may be walked by a search that goes against them."""
EITHER = FORWARD | BACKWARD
SOURCE = 4
"""The relationship starts at the node of the slot."""


@dataclass(frozen=True, slots=True, eq=False)
class EdgeTable:
    """Relationships between nodes, in the order of their keys.

    Attributes
    ----------
    keys
        (m,) int64, rising.
    sources, targets
        (m,) int32, node numbers; they differ, as Postgres sees to.
    type_ids
        (m,) int16.
    bidirectional
        (m,) bool.
    """

    keys: NDArray[np.int64]
    sources: NDArray[np.int32]
    targets: NDArray[np.int32]
    type_ids: NDArray[np.int16]
    bidirectional: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.keys)

    def positions_of(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where `keys` stand, -1 for those that do not; O(k log m)."""
        if len(self.keys) == 0:
            return np.full(len(keys), -1, np.int64)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[places] == keys, places, -1)

    def without(self, positions: NDArray[np.int64]) -> "EdgeTable":
        """Return the table without some of its rows."""
        return EdgeTable(
            np.delete(self.keys, positions),
            np.delete(self.sources, positions),
            np.delete(self.targets, positions),
            np.delete(self.type_ids, positions),
            np.delete(self.bidirectional, positions),
        )

    def merged_with(self, other: "EdgeTable") -> "EdgeTable":
        """Return the rows of both tables, which share no key."""
        keys = np.concatenate([self.keys, other.keys])
        order = np.argsort(keys, kind="stable")
        return EdgeTable(
            keys[order],
            np.concatenate([self.sources, other.sources])[order],
            np.concatenate([self.targets, other.targets])[order],
            np.concatenate([self.type_ids, other.type_ids])[order],
            np.concatenate([self.bidirectional, other.bidirectional])[order],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Adjacency:
    """The slots of all nodes, row after row.

    Attributes
    ----------
    offsets
        (rows + 1,) int64: node i has the slots from ``offsets[i]`` to ``offsets[i + 1]``. Nodes
        beyond the last row have none.
    neighbours
        (2m,) int32, the node at the other end.
    flags
        (2m,) uint8, of `FORWARD`, `BACKWARD` and `SOURCE`; 0 in a closed slot.
    type_ids
        (2m,) int16.
    """

    offsets: NDArray[np.int64]
    neighbours: NDArray[np.int32]
    flags: NDArray[np.uint8]
    type_ids: NDArray[np.int16]

    def slots_of(self, node: int) -> slice:
        """Return where the slots of a node stand."""
        if node >= len(self.offsets) - 1:
            return slice(0, 0)
        return slice(int(self.offsets[node]), int(self.offsets[node + 1]))


def build_adjacency(edges: EdgeTable, nodes: int) -> Adjacency:
    """Place two slots for each edge, by counting; O(n + m).

    Examples
    --------
    >>> edge = EdgeTable(*(np.array([value]) for value in (7, 0, 2, 1, False)))
    >>> adjacency = build_adjacency(edge, 3)
    >>> adjacency.offsets.tolist(), adjacency.neighbours.tolist(), adjacency.flags.tolist()
    ([0, 1, 1, 2], [2, 0], [5, 2])
    """
    counts = np.bincount(edges.sources, minlength=nodes)
    counts += np.bincount(edges.targets, minlength=nodes)
    offsets = np.zeros(nodes + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    slots = 2 * len(edges)
    neighbours, flags = np.empty(slots, np.int32), np.empty(slots, np.uint8)
    type_ids = np.empty(slots, np.int16)
    _place_slots(
        edges.sources,
        edges.targets,
        edges.type_ids,
        edges.bidirectional,
        offsets[:-1].copy(),
        neighbours,
        flags,
        type_ids,
    )
    return Adjacency(offsets, neighbours, flags, type_ids)


def close_slots(adjacency: Adjacency, removed: EdgeTable) -> Adjacency:
    """Return the adjacency with the slots of some of its edges closed.

    O(m) for a copy of the flags, and the degrees of the edges' ends.
    """
    flags = adjacency.flags.copy()
    _close_slots(
        removed.sources,
        removed.targets,
        removed.type_ids,
        removed.bidirectional,
        adjacency.offsets,
        adjacency.neighbours,
        adjacency.type_ids,
        flags,
    )
    return Adjacency(adjacency.offsets, adjacency.neighbours, flags, adjacency.type_ids)


def _place_slots_loop(
    sources: NDArray[np.int32],
    targets: NDArray[np.int32],
    edge_type_ids: NDArray[np.int16],
    bidirectional: NDArray[np.bool_],
    free: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    flags: NDArray[np.uint8],
    type_ids: NDArray[np.int16],
) -> None:
    for edge in range(sources.shape[0]):
        source, target = sources[edge], targets[edge]
        outgoing, incoming = free[source], free[target]
        neighbours[outgoing] = target
        neighbours[incoming] = source
        type_ids[outgoing] = type_ids[incoming] = edge_type_ids[edge]
        flags[outgoing] = (EITHER if bidirectional[edge] else FORWARD) | SOURCE
        flags[incoming] = EITHER if bidirectional[edge] else BACKWARD
        free[source] += 1
        free[target] += 1


def _close_slots_loop(
    sources: NDArray[np.int32],
    targets: NDArray[np.int32],
    edge_type_ids: NDArray[np.int16],
    bidirectional: NDArray[np.bool_],
    offsets: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    type_ids: NDArray[np.int16],
    flags: NDArray[np.uint8],
) -> None:
    for edge in range(sources.shape[0]):
        for end in range(2):
            if end == 0:
                node, other = sources[edge], targets[edge]
                flag = (EITHER if bidirectional[edge] else FORWARD) | SOURCE
            else:
                node, other = targets[edge], sources[edge]
                flag = EITHER if bidirectional[edge] else BACKWARD
            # Source, target and type name one edge, and the flags tell it from its reverse.
            for slot in range(offsets[node], offsets[node + 1]):
                if (
                    neighbours[slot] == other
                    and type_ids[slot] == edge_type_ids[edge]
                    and flags[slot] == flag
                ):
                    flags[slot] = 0
                    break


_place_slots = compiled(_place_slots_loop)
_close_slots = compiled(_close_slots_loop)
