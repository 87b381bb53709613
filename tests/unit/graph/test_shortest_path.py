import networkx as nx
import numpy as np
import pytest

from hyper_registry.domain.relationship import Direction
from hyper_registry.graph.registry_graph import RegistryGraph
from hyper_registry.graph.shortest_path import Route, shortest_path
from hyper_registry.storage.graph_store import EDGE_ROW, Audience, GraphChanges
from tests.unit.graph.random_graphs import (
    as_networkx,
    keys_of,
    number_in,
    random_audiences,
    random_edges,
    visible_keys,
)

NOTHING = np.empty(0, np.int64)


def _oracle(graph: nx.DiGraph, direction: Direction) -> nx.Graph:
    if direction is Direction.BOTH:
        return graph.to_undirected()
    return graph.reverse() if direction is Direction.IN else graph


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("type_ids", [None, [1], [2, 3]])
@pytest.mark.parametrize("seed", range(8))
def test_paths_are_as_long_as_those_of_networkx_and_pass_no_hidden_node(
    seed: int, type_ids: list[int] | None, direction: Direction
):
    generator = np.random.default_rng(seed)
    nodes = 60
    audiences = random_audiences(generator, nodes)
    edges = random_edges(generator, nodes, 40 + 25 * seed)
    grants = [None, ["*"], ["*", "group:ops"], ["user:nobody"]][seed % 4]
    visible = visible_keys(audiences, grants)
    # Half of the edges come later, so that paths lead through both adjacencies.
    early = len(edges) // 2
    graph = RegistryGraph.build(edges[:early], audiences)
    graph = graph.with_changes(GraphChanges(NOTHING, edges[early:], []))
    oracle = _oracle(as_networkx(edges, visible, type_ids), direction)
    lengths = dict(nx.all_pairs_shortest_path_length(oracle))
    mask = graph.nodes.visible_to(grants)
    for source in sorted(visible):
        for target in sorted(visible):
            route = shortest_path(
                graph,
                number_in(graph, source),
                number_in(graph, target),
                mask,
                direction=direction,
                type_ids=type_ids,
                max_hops=nodes,
            )
            path = keys_of(graph, route.nodes)
            assert route.complete
            assert len(path) - 1 == lengths[source].get(target, -1)
            if path:
                assert (path[0], path[-1]) == (source, target)
                assert nx.is_simple_path(oracle, path)


def _chain(length: int) -> RegistryGraph:
    keys = np.arange(length + 1)
    edges = np.array([(n, n, n + 1, 1, False) for n in range(length)], EDGE_ROW)
    return RegistryGraph.build(edges, [Audience(frozenset({"*"}), True, keys)])


@pytest.mark.parametrize(("max_hops", "found"), [(6, False), (7, True), (8, True)])
def test_a_path_longer_than_the_limit_is_not_found(max_hops: int, found: bool):
    graph = _chain(7)
    route = shortest_path(graph, 0, 7, graph.nodes.living, max_hops=max_hops)
    assert route.nodes == (tuple(range(8)) if found else ())
    assert route.complete


def test_a_search_that_runs_out_of_budget_says_so():
    graph = _chain(7)
    route = shortest_path(graph, 0, 7, graph.nodes.living, slot_budget=4)
    assert route.nodes == ()
    assert not route.complete


def test_what_is_hidden_decides_neither_the_path_nor_how_far_it_is_looked_for():
    # Two ways of one length from 0 to 5; hidden nodes from 100 on crowd around both ends.
    ways = [(1, 0, 1), (2, 1, 2), (3, 2, 5), (4, 0, 3), (5, 3, 4), (6, 4, 5)]
    crowd = [(100 + n, n % 3, 100 + n) for n in range(30)]
    shown, hidden = Audience(frozenset("*"), True, np.arange(6)), np.arange(100, 130)
    audiences = [shown, Audience(frozenset({"group:ops"}), True, hidden)]

    def search(ends: list[tuple[int, int, int]], known: list[Audience], budget: int) -> Route:
        edges = np.array([(*end, 1, False) for end in ends], EDGE_ROW)
        graph = RegistryGraph.build(edges, known)
        visible = graph.nodes.visible_to(["*"])
        return shortest_path(graph, 0, 5, visible, slot_budget=budget)

    for budget in (3, 4, 100):
        assert search(crowd + ways, audiences, budget) == search(ways, [shown], budget)


def test_a_node_is_at_no_distance_from_itself():
    graph = _chain(1)
    assert shortest_path(graph, 1, 1, graph.nodes.living).nodes == (1,)
