"""Exact betweenness centrality.

Brandes, U. (2001). A faster algorithm for betweenness centrality. Journal of Mathematical
Sociology 25(2), 163-177.
"""

import numpy as np
from numpy.typing import NDArray

from hyper_registry.graph.visible_graph import VisibleGraph
from index.kernels import compiled


def betweenness(graph: VisibleGraph) -> NDArray[np.float64]:
    """Return for each node the share of the shortest paths between others that pass it; O(n m).

    Examples
    --------
    >>> from hyper_registry.graph.visible_graph import undirected
    >>> ends = np.array([0, 1], np.int32), np.array([1, 2], np.int32)
    >>> betweenness(undirected(np.arange(3, dtype=np.int32), *ends, nodes=3)).tolist()
    [0.0, 1.0, 0.0]
    """
    passing = np.zeros(graph.nodes)
    pairs = (graph.nodes - 1) * (graph.nodes - 2)
    if pairs > 0:
        _add_dependencies(graph.offsets, graph.neighbours, passing)
        passing /= pairs
    return passing


def _add_dependencies_loop(
    offsets: NDArray[np.int64], neighbours: NDArray[np.int32], passing: NDArray[np.float64]
) -> None:
    nodes = passing.shape[0]
    distances = np.full(nodes, -1, np.int32)
    queue = np.empty(nodes, np.int32)
    paths = np.zeros(nodes)
    dependencies = np.zeros(nodes)
    for source in range(nodes):
        distances[source], paths[source] = 0, 1.0
        queue[0] = source
        head, tail = 0, 1
        while head < tail:
            node = queue[head]
            head += 1
            next_distance = distances[node] + 1
            for slot in range(offsets[node], offsets[node + 1]):
                other = neighbours[slot]
                if distances[other] < 0:
                    distances[other] = next_distance
                    queue[tail] = other
                    tail += 1
                if distances[other] == next_distance:
                    paths[other] += paths[node]
        for place in range(tail - 1, -1, -1):
            node = queue[place]
            next_distance = distances[node] + 1
            dependency = 0.0
            for slot in range(offsets[node], offsets[node + 1]):
                other = neighbours[slot]
                if distances[other] == next_distance:
                    dependency += paths[node] / paths[other] * (1.0 + dependencies[other])
            dependencies[node] = dependency
            if node != source:
                passing[node] += dependency
        for place in range(tail):
            node = queue[place]
            distances[node], paths[node], dependencies[node] = -1, 0.0, 0.0


_add_dependencies = compiled(_add_dependencies_loop)
