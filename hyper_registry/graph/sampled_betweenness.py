"""Betweenness centrality from a sample of shortest paths, with a bound on its error.

Riondato, M. and Kornaropoulos, E. M. (2016). Fast approximation of betweenness centrality through
sampling. Data Mining and Knowledge Discovery 30(2), 438-475. Each path is found by a balanced
bidirectional search, after Borassi and Natale (2019), KADABRA is an adaptive algorithm for
betweenness via random approximation, ACM Journal of Experimental Algorithmics 24.
"""

import math

import numpy as np
from numpy.typing import NDArray

from hyper_registry.graph.components import Components
from hyper_registry.graph.visible_graph import VisibleGraph
from index.kernels import compiled

_UNIVERSAL_CONSTANT = 0.5


def sample_size(vertex_diameter: int, error: float, failure: float) -> int:
    """Return how many paths bound the error of all nodes at once.

    Parameters
    ----------
    error
        Largest error of an estimate, 0 to 1.
    failure
        Probability that some estimate is off by more.

    Examples
    --------
    >>> sample_size(18, 0.01, 0.1)
    36513
    """
    dimension = math.floor(math.log2(vertex_diameter - 2)) + 1 if vertex_diameter > 2 else 0
    return math.ceil(_UNIVERSAL_CONSTANT / error**2 * (dimension - math.log(failure)))


def sampled_betweenness(
    graph: VisibleGraph,
    components: Components,
    *,
    error: float = 0.01,
    failure: float = 0.1,
    seed: int = 1,
) -> NDArray[np.float64]:
    """Estimate for each node the share of the shortest paths between others that pass it.

    O(samples * (n + m)) at worst, in practice far less; the same for the same seed.

    Parameters
    ----------
    graph
        Of at least three nodes.
    error
        With probability ``1 - failure`` no estimate is off by more.
    """
    # The paper counts the ends of a path among all n nodes, the usual definition among the others.
    scale = graph.nodes / (graph.nodes - 2)
    samples = sample_size(components.vertex_diameter, error / scale, failure)
    generator = np.random.default_rng(seed)
    sources = generator.integers(0, graph.nodes, samples, np.int32)
    targets = generator.integers(0, graph.nodes - 1, samples, np.int32)
    targets += targets >= sources
    # Nothing lies between nodes that no path joins: such a sample counts, and costs nothing.
    joined = components.labels[sources] == components.labels[targets]
    passed = np.zeros(graph.nodes, np.int64)
    _count_passed(
        graph.offsets, graph.neighbours, sources[joined], targets[joined], generator, passed
    )
    return passed.astype(np.float64) * (scale / samples)


def _count_passed_loop(
    offsets: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    sources: NDArray[np.int32],
    targets: NDArray[np.int32],
    generator: np.random.Generator,
    passed: NDArray[np.int64],
) -> None:
    nodes = passed.shape[0]
    # Side 1 grows from the source and side 2 from the target; 0 is no man's land.
    sides = np.zeros(nodes, np.int8)
    distances = np.empty(nodes, np.int32)
    paths = np.empty(nodes)
    queues = np.empty((2, nodes), np.int32)
    tails = np.empty(2, np.int64)
    crossing = np.empty(2, np.int32)
    for sample in range(sources.shape[0]):
        queues[0, 0], queues[1, 0] = sources[sample], targets[sample]
        _draw_crossing(
            offsets, neighbours, generator, sides, distances, paths, queues, tails, crossing
        )
        for end in range(2):
            _walk_back(
                offsets, neighbours, generator, sides, distances, paths, crossing[end], passed
            )
        for side in range(2):
            for place in range(tails[side]):
                sides[queues[side, place]] = 0


def _draw_crossing_loop(
    offsets: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    generator: np.random.Generator,
    sides: NDArray[np.int8],
    distances: NDArray[np.int32],
    paths: NDArray[np.float64],
    queues: NDArray[np.int32],
    tails: NDArray[np.int64],
    crossing: NDArray[np.int32],
) -> None:
    """Grow the narrower side level by level until the two touch.

    All shortest paths cross from one side to the other there. One crossing is kept, each with the
    probability of its share of the paths.
    """
    heads, widths = np.zeros(2, np.int64), np.zeros(2, np.int64)
    for side in range(2):
        end = queues[side, 0]
        sides[end], distances[end], paths[end] = side + 1, 0, 1.0
        tails[side] = 1
        widths[side] = offsets[end + 1] - offsets[end]
    crossing_paths = 0.0
    while crossing_paths == 0.0:
        side = 0 if widths[0] <= widths[1] else 1
        level_end = tails[side]
        widths[side] = 0
        for place in range(heads[side], level_end):
            node = queues[side, place]
            for slot in range(offsets[node], offsets[node + 1]):
                other = neighbours[slot]
                if sides[other] == 0:
                    sides[other] = side + 1
                    distances[other] = distances[node] + 1
                    paths[other] = paths[node]
                    queues[side, tails[side]] = other
                    tails[side] += 1
                    widths[side] += offsets[other + 1] - offsets[other]
                elif sides[other] != side + 1:
                    share = paths[node] * paths[other]
                    crossing_paths += share
                    if generator.random() * crossing_paths < share:
                        crossing[0], crossing[1] = node, other
                elif distances[other] == distances[node] + 1:
                    paths[other] += paths[node]
        heads[side] = level_end


def _walk_back_loop(
    offsets: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    generator: np.random.Generator,
    sides: NDArray[np.int8],
    distances: NDArray[np.int32],
    paths: NDArray[np.float64],
    start: int,
    passed: NDArray[np.int64],
) -> None:
    """Walk from the crossing to the end of its side, each way with its share of the paths."""
    node = start
    while distances[node] > 0:
        passed[node] += 1
        nearer_paths = 0.0
        chosen = node
        for slot in range(offsets[node], offsets[node + 1]):
            other = neighbours[slot]
            if sides[other] == sides[node] and distances[other] == distances[node] - 1:
                nearer_paths += paths[other]
                if generator.random() * nearer_paths < paths[other]:
                    chosen = other
        node = chosen


_draw_crossing = compiled(_draw_crossing_loop)
_walk_back = compiled(_walk_back_loop)
_count_passed = compiled(_count_passed_loop)
