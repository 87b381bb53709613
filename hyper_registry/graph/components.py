"""Connected components by breadth-first search, and how long their shortest paths can be."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hyper_registry.graph.visible_graph import VisibleGraph
from index.kernels import compiled


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """Which nodes paths join.

    Attributes
    ----------
    labels
        (n,) int32, from 0 on.
    sizes
        Nodes by label.
    vertex_diameter
        No shortest path has more nodes than this.
    """

    labels: NDArray[np.int32]
    sizes: NDArray[np.int64]
    vertex_diameter: int


def connected_components(graph: VisibleGraph) -> Components:
    """Label the components and bound their vertex diameter; O(n + m).

    From any node v, a shortest path between two others is no longer than the way through v, and
    so than the two largest distances from v together.

    Examples
    --------
    >>> from hyper_registry.graph.visible_graph import undirected
    >>> ends = np.array([0, 1], np.int32), np.array([1, 2], np.int32)
    >>> found = connected_components(undirected(np.arange(4), *ends, nodes=4))
    >>> found.labels.tolist(), found.sizes.tolist(), found.vertex_diameter
    ([0, 0, 0, 1], [3, 1], 4)
    """
    labels = np.full(graph.nodes, -1, np.int32)
    bound = np.ones(1, np.int64)
    _label(graph.offsets, graph.neighbours, labels, bound)
    return Components(labels, np.bincount(labels), int(bound[0]))


def distances_from(graph: VisibleGraph, node: int) -> NDArray[np.int32]:
    """Return the distance of every node from one, -1 where no path leads; O(n + m)."""
    distances = np.full(graph.nodes, -1, np.int32)
    _spread(graph.offsets, graph.neighbours, node, distances)
    return distances


def _label_loop(
    offsets: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    labels: NDArray[np.int32],
    bound: NDArray[np.int64],
) -> None:
    nodes = labels.shape[0]
    queue = np.empty(nodes, np.int32)
    distances = np.empty(nodes, np.int32)
    label = 0
    for first in range(nodes):
        if labels[first] >= 0:
            continue
        labels[first], distances[first] = label, 0
        queue[0] = first
        head, tail = 0, 1
        while head < tail:
            node = queue[head]
            head += 1
            for slot in range(offsets[node], offsets[node + 1]):
                other = neighbours[slot]
                if labels[other] < 0:
                    labels[other], distances[other] = label, distances[node] + 1
                    queue[tail] = other
                    tail += 1
        longest = 1 + distances[queue[tail - 1]]
        if tail > 2:
            longest += distances[queue[tail - 2]]
        bound[0] = max(bound[0], longest)
        label += 1


def _spread_loop(
    offsets: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    first: int,
    distances: NDArray[np.int32],
) -> None:
    queue = np.empty(distances.shape[0], np.int32)
    distances[first] = 0
    queue[0] = first
    head, tail = 0, 1
    while head < tail:
        node = queue[head]
        head += 1
        for slot in range(offsets[node], offsets[node + 1]):
            other = neighbours[slot]
            if distances[other] < 0:
                distances[other] = distances[node] + 1
                queue[tail] = other
                tail += 1


_label = compiled(_label_loop)
_spread = compiled(_spread_loop)
