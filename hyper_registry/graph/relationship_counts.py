"""How many relationships there are, and who is at the end of most of them."""

import numpy as np
from numpy.typing import NDArray

from hyper_registry.graph.registry_graph import RegistryGraph

_TYPES = 2**15


def count_relationships(
    graph: RegistryGraph, visible: NDArray[np.bool_], ranked_type: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count the relationships whose both ends are visible; O(n + m).

    Returns
    -------
    tuple
        Relationships by type id, and by node the relationships of `ranked_type` that end there.
    """
    edges = graph.edges
    seen = visible[edges.sources] & visible[edges.targets]
    by_type = np.bincount(edges.type_ids[seen], minlength=_TYPES)
    ending = edges.targets[seen & (edges.type_ids == ranked_type)]
    return by_type, np.bincount(ending, minlength=len(graph.nodes))
