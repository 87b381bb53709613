"""What centrality needs to know of a whole graph, measured once for all its nodes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hyper_registry.graph.betweenness import betweenness
from hyper_registry.graph.components import Components, connected_components
from hyper_registry.graph.registry_graph import RegistryGraph
from hyper_registry.graph.sampled_betweenness import sampled_betweenness
from hyper_registry.graph.visible_graph import VisibleGraph, visible_graph


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """The graph that one caller sees, and the measures that come for all nodes at once.

    Attributes
    ----------
    betweenness
        (n,) float64.
    betweenness_error
        0 when exact, else the bound that 90% of all samples keep.
    """

    graph: VisibleGraph
    components: Components
    betweenness: NDArray[np.float64]
    betweenness_error: float


def measure(
    graph: RegistryGraph,
    visible: NDArray[np.bool_],
    *,
    exact_budget: int = 100_000_000,
    error: float = 0.01,
) -> Measurement:
    """Measure the visible part of a graph, exactly where that is affordable.

    Parameters
    ----------
    visible
        (n,) bool by node.
    exact_budget
        Nodes times neighbours up to which betweenness is exact; this many take about a second.
    error
        Bound of the estimates above it.
    """
    seen = visible_graph(graph, visible)
    components = connected_components(seen)
    if seen.nodes * len(seen.neighbours) <= exact_budget:
        return Measurement(seen, components, betweenness(seen), 0.0)
    estimates = sampled_betweenness(seen, components, error=error)
    return Measurement(seen, components, estimates, error)
