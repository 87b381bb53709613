"""The undirected simple graph over what one caller may see: what centrality is measured on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hyper_registry.graph.registry_graph import RegistryGraph
from index.kernels import compiled


@dataclass(frozen=True, slots=True, eq=False)
class VisibleGraph:
    """Nodes renumbered from 0 on by their keys, each pair of neighbours once from either side.

    The numbers follow from the visible nodes alone, and so do the sums and samples over them.

    Attributes
    ----------
    numbers
        By node of the registry's graph its number here, -1 where it is not visible.
    offsets
        (n + 1,) int64: node i has ``neighbours[offsets[i]:offsets[i + 1]]``.
    neighbours
        int32, rising in each row; no node is its own neighbour.
    """

    numbers: NDArray[np.int32]
    offsets: NDArray[np.int64]
    neighbours: NDArray[np.int32]

    @property
    def nodes(self) -> int:
        """How many nodes there are."""
        return len(self.offsets) - 1

    @property
    def edges(self) -> int:
        """How many pairs of neighbours there are."""
        return len(self.neighbours) // 2

    def degree(self, number: int) -> int:
        """How many neighbours a node has."""
        return int(self.offsets[number + 1] - self.offsets[number])


def visible_graph(graph: RegistryGraph, visible: NDArray[np.bool_]) -> VisibleGraph:
    """Take the visible part of `graph`, without direction and without repetition; O(n + m log d).

    Parameters
    ----------
    visible
        (n,) bool by node of `graph`.
    """
    order = graph.nodes.order
    numbers = np.empty(len(order), np.int32)
    numbers[order] = np.cumsum(visible[order]) - 1
    numbers[~visible] = -1
    edges = graph.edges
    sources, targets = numbers[edges.sources], numbers[edges.targets]
    seen = (sources >= 0) & (targets >= 0)
    return undirected(numbers, sources[seen], targets[seen], nodes=int(np.count_nonzero(visible)))


def undirected(
    numbers: NDArray[np.int32],
    sources: NDArray[np.int32],
    targets: NDArray[np.int32],
    *,
    nodes: int,
) -> VisibleGraph:
    """Build the simple graph of pairs of different nodes, which may repeat in either order.

    Examples
    --------
    >>> ends = np.array([0, 1, 1], np.int32), np.array([1, 0, 2], np.int32)
    >>> graph = undirected(np.arange(3, dtype=np.int32), *ends, nodes=3)
    >>> graph.offsets.tolist(), graph.neighbours.tolist(), graph.edges
    ([0, 1, 3, 4], [1, 0, 2, 1], 2)
    """
    counts = np.bincount(sources, minlength=nodes) + np.bincount(targets, minlength=nodes)
    loose = np.zeros(nodes + 1, np.int64)
    np.cumsum(counts, out=loose[1:])
    neighbours = np.empty(2 * len(sources), np.int32)
    _place_pairs(sources, targets, loose[:-1].copy(), neighbours)
    offsets = np.zeros(nodes + 1, np.int64)
    _drop_repetitions(loose, neighbours, offsets)
    return VisibleGraph(numbers, offsets, neighbours[: offsets[-1]].copy())


def _place_pairs_loop(
    sources: NDArray[np.int32],
    targets: NDArray[np.int32],
    free: NDArray[np.int64],
    neighbours: NDArray[np.int32],
) -> None:
    for pair in range(sources.shape[0]):
        source, target = sources[pair], targets[pair]
        neighbours[free[source]] = target
        neighbours[free[target]] = source
        free[source] += 1
        free[target] += 1


def _drop_repetitions_loop(
    loose: NDArray[np.int64], neighbours: NDArray[np.int32], offsets: NDArray[np.int64]
) -> None:
    kept = 0
    for node in range(loose.shape[0] - 1):
        last = -1
        for neighbour in np.sort(neighbours[loose[node] : loose[node + 1]]):
            if neighbour != last:
                neighbours[kept] = neighbour
                kept += 1
                last = neighbour
        offsets[node + 1] = kept


_place_pairs = compiled(_place_pairs_loop)
_drop_repetitions = compiled(_drop_repetitions_loop)
