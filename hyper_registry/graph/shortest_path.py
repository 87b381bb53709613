"""Shortest paths by bidirectional breadth-first search.

Pohl, I. (1971). Bi-directional search. Machine Intelligence 6, 127-140. The side whose frontier
has fewer nodes grows next, one whole level at a time; the first slot that leads to the other side
closes a shortest path, since a node next to both sides would have been met when the nearer of
them was grown.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hyper_registry.domain.relationship import Direction
from hyper_registry.graph.adjacency import BACKWARD, EITHER, FORWARD
from hyper_registry.graph.registry_graph import RegistryGraph
from index.kernels import compiled

_TYPES = 2**15
_STEPS = {
    Direction.OUT: (FORWARD, BACKWARD),
    Direction.IN: (BACKWARD, FORWARD),
    Direction.BOTH: (EITHER, EITHER),
}


@dataclass(frozen=True, slots=True)
class Route:
    """Where a search led.

    Attributes
    ----------
    nodes
        From source to target; empty if no path was found.
    complete
        False if the search ended because it had looked at as many slots as it might.
    """

    nodes: tuple[int, ...]
    complete: bool


def shortest_path(
    graph: RegistryGraph,
    source: int,
    target: int,
    visible: NDArray[np.bool_],
    *,
    direction: Direction = Direction.BOTH,
    type_ids: list[int] | None = None,
    max_hops: int = 12,
    slot_budget: int = 5_000_000,
) -> Route:
    """Find a shortest path over visible nodes; O(n + m), in practice far less.

    Parameters
    ----------
    source, target
        Node numbers, both visible.
    visible
        (n,) bool: the nodes that the path may pass.
    type_ids
        Types of the relationships that may be walked; None admits all.
    slot_budget
        How many slots that lead to visible nodes to look at before giving up. Hidden ones decide
        neither this nor which of several shortest paths is found.

    Examples
    --------
    >>> from hyper_registry.storage.graph_store import EDGE_ROW, Audience
    >>> chain = np.array([(1, 10, 11, 1, False), (2, 11, 12, 1, False)], EDGE_ROW)
    >>> everyone = Audience(frozenset("*"), living=True, entry_keys=np.array([10, 11, 12]))
    >>> graph = RegistryGraph.build(chain, [everyone])
    >>> shortest_path(graph, 0, 2, graph.nodes.living).nodes
    (0, 1, 2)
    >>> shortest_path(graph, 2, 0, graph.nodes.living, direction=Direction.OUT).nodes
    ()
    """
    if source == target:
        return Route((source,), complete=True)
    wanted = np.full(_TYPES, type_ids is None)
    wanted[type_ids or []] = True
    forward, backward = _STEPS[direction]
    nodes = len(graph.nodes)
    parents = np.empty(nodes, np.int32)
    outcome = np.array([-1, -1, 0], np.int64)
    _meet(
        graph.base.offsets,
        graph.base.neighbours,
        graph.base.flags,
        graph.base.type_ids,
        graph.recent.offsets,
        graph.recent.neighbours,
        graph.recent.flags,
        graph.recent.type_ids,
        visible,
        wanted,
        np.array([source, target, forward, backward, max_hops, slot_budget], np.int64),
        np.zeros(nodes, np.uint8),
        parents,
        np.empty((2, nodes), np.int32),
        outcome,
    )
    near_source, near_target, exhausted = (int(value) for value in outcome)
    if near_source < 0:
        return Route((), complete=not exhausted)
    first_half = _chain(parents, near_source, source)
    return Route((*reversed(first_half), *_chain(parents, near_target, target)), complete=True)


def _chain(parents: NDArray[np.int32], node: int, end: int) -> list[int]:
    chain = [node]
    while node != end:
        node = int(parents[node])
        chain.append(node)
    return chain


def _meet_loop(
    base_offsets: NDArray[np.int64],
    base_neighbours: NDArray[np.int32],
    base_flags: NDArray[np.uint8],
    base_types: NDArray[np.int16],
    recent_offsets: NDArray[np.int64],
    recent_neighbours: NDArray[np.int32],
    recent_flags: NDArray[np.uint8],
    recent_types: NDArray[np.int16],
    visible: NDArray[np.bool_],
    wanted: NDArray[np.bool_],
    question: NDArray[np.int64],
    sides: NDArray[np.uint8],
    parents: NDArray[np.int32],
    queues: NDArray[np.int32],
    outcome: NDArray[np.int64],
) -> None:
    source, target, forward, backward, max_hops, budget = question
    # Side 1 grows from the source and side 2 from the target; 0 is no man's land.
    sides[source], sides[target] = 1, 2
    queues[0, 0], queues[1, 0] = source, target
    heads, tails = np.zeros(2, np.int64), np.ones(2, np.int64)
    for _hop in range(max_hops):
        grown = 0 if tails[0] - heads[0] <= tails[1] - heads[1] else 1
        step = forward if grown == 0 else backward
        level_end = tails[grown]
        while heads[grown] < level_end:
            node = queues[grown, heads[grown]]
            heads[grown] += 1
            for layer in range(2):
                if layer == 0:
                    offsets, neighbours = base_offsets, base_neighbours
                    flags, types = base_flags, base_types
                else:
                    offsets, neighbours = recent_offsets, recent_neighbours
                    flags, types = recent_flags, recent_types
                if node + 1 >= offsets.shape[0]:
                    continue
                for slot in range(offsets[node], offsets[node + 1]):
                    other = neighbours[slot]
                    if flags[slot] == 0 or not visible[other]:
                        continue
                    budget -= 1
                    if (
                        flags[slot] & step == 0
                        or not wanted[types[slot]]
                        or sides[other] == grown + 1
                    ):
                        continue
                    if sides[other] != 0:
                        outcome[0] = node if grown == 0 else other
                        outcome[1] = other if grown == 0 else node
                        return
                    sides[other] = grown + 1
                    parents[other] = node
                    queues[grown, tails[grown]] = other
                    tails[grown] += 1
            if budget < 0:
                outcome[2] = 1
                return
        if tails[grown] == level_end:
            return


_meet = compiled(_meet_loop)
