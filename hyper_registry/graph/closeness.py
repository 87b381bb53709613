"""Closeness centrality of one node.

Wasserman, S. and Faust, K. (1994). Social Network Analysis, p. 201: scaled by the share of the
nodes within reach, so that nodes of small components do not come out close to everything.
"""

import numpy as np

from hyper_registry.graph.components import distances_from
from hyper_registry.graph.visible_graph import VisibleGraph


def closeness(graph: VisibleGraph, node: int) -> float:
    """Return the closeness of a node, 0 for one without neighbours; O(n + m).

    Examples
    --------
    >>> from hyper_registry.graph.visible_graph import undirected
    >>> ends = np.array([0, 1], np.int32), np.array([1, 2], np.int32)
    >>> chain = undirected(np.arange(3, dtype=np.int32), *ends, nodes=3)
    >>> closeness(chain, 1), round(closeness(chain, 0), 4)
    (1.0, 0.6667)
    """
    distances = distances_from(graph, node)
    reached = distances[distances > 0]
    if len(reached) == 0:
        return 0.0
    inverse_mean = len(reached) / int(reached.sum(dtype=np.int64))
    return inverse_mean * len(reached) / (graph.nodes - 1)
