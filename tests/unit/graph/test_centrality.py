import networkx as nx
import numpy as np
import pytest

from hyper_registry.graph.betweenness import betweenness
from hyper_registry.graph.closeness import closeness
from hyper_registry.graph.components import connected_components
from hyper_registry.graph.measurement import measure
from hyper_registry.graph.registry_graph import RegistryGraph
from hyper_registry.graph.relationship_counts import count_relationships
from hyper_registry.graph.sampled_betweenness import sampled_betweenness
from hyper_registry.graph.visible_graph import VisibleGraph, undirected, visible_graph
from tests.unit.graph.random_graphs import (
    as_networkx,
    random_audiences,
    random_edges,
    visible_keys,
)


def _case(seed: int, nodes: int, edges: int) -> tuple[VisibleGraph, nx.Graph, list[int]]:
    """A visible graph, the same of networkx, and the keys by number."""
    generator = np.random.default_rng(seed)
    audiences = random_audiences(generator, nodes)
    rows = random_edges(generator, nodes, edges)
    grants = [None, ["*"], ["*", "group:ops"]][seed % 3]
    graph = RegistryGraph.build(rows, audiences)
    mask = graph.nodes.visible_to(grants)
    oracle = as_networkx(rows, visible_keys(audiences, grants)).to_undirected()
    return visible_graph(graph, mask), oracle, sorted(graph.nodes.keys[mask].tolist())


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("edges", [15, 60, 300])
def test_measures_are_those_of_networkx(seed: int, edges: int):
    graph, oracle, keys = _case(seed, 50, edges)
    assert (graph.nodes, graph.edges) == (len(oracle), oracle.number_of_edges())
    expected_betweenness = nx.betweenness_centrality(oracle)
    expected_closeness = nx.closeness_centrality(oracle)
    found = betweenness(graph)
    components = connected_components(graph)
    for number, key in enumerate(keys):
        assert graph.degree(number) == oracle.degree[key]
        assert found[number] == pytest.approx(expected_betweenness[key], abs=1e-12)
        assert closeness(graph, number) == pytest.approx(expected_closeness[key], abs=1e-12)
        within = nx.node_connected_component(oracle, key)
        assert components.sizes[components.labels[number]] == len(within)
    longest = max(
        nx.diameter(oracle.subgraph(part)) + 1 for part in nx.connected_components(oracle)
    )
    assert longest <= components.vertex_diameter <= 2 * longest


@pytest.mark.parametrize("grants", [["*"], ["*", "group:ops"]])
def test_the_numbers_of_a_visible_graph_follow_from_what_is_visible(grants: list[str]):
    generator = np.random.default_rng(11)
    audiences = random_audiences(generator, 80)
    rows = random_edges(generator, 80, 200)
    whole = RegistryGraph.build(rows, audiences)
    visible = whole.nodes.visible_to(grants)
    seen = [audience for audience in audiences if not audience.readers.isdisjoint(grants)]
    # Another order of the groups, as Postgres may give them, and nothing hidden.
    part = RegistryGraph.build(rows, seen[::-1])
    graph, alone = (
        visible_graph(whole, visible),
        visible_graph(part, part.nodes.visible_to(grants)),
    )
    assert graph.offsets.tolist() == alone.offsets.tolist()
    assert graph.neighbours.tolist() == alone.neighbours.tolist()
    assert betweenness(graph).tolist() == betweenness(alone).tolist()


@pytest.mark.parametrize("seed", range(4))
def test_estimates_of_betweenness_keep_their_bound(seed: int):
    graph, _, _ = _case(seed, 400, 900)
    exact = betweenness(graph)
    estimated = sampled_betweenness(graph, connected_components(graph), error=0.02)
    assert exact.max() > 0.02
    assert np.abs(estimated - exact).max() <= 0.02


def test_estimates_are_not_biased():
    # Two ways of one length between the ends, one of them through a choice of two nodes.
    ends = np.array([[0, 1], [0, 2], [1, 3], [2, 3], [3, 4], [3, 5], [4, 6], [5, 6]], np.int32)
    graph = undirected(np.arange(7, dtype=np.int32), ends[:, 0], ends[:, 1], nodes=7)
    components = connected_components(graph)
    estimated = sampled_betweenness(graph, components, error=0.003, seed=5)
    assert estimated == pytest.approx(betweenness(graph), abs=0.003)
    again = sampled_betweenness(graph, components, error=0.003, seed=5)
    assert again.tolist() == estimated.tolist()


def test_a_graph_is_measured_exactly_where_that_is_affordable():
    generator = np.random.default_rng(3)
    rows, audiences = random_edges(generator, 80, 200), random_audiences(generator, 80)
    graph = RegistryGraph.build(rows, audiences)
    exact = measure(graph, graph.nodes.living)
    estimated = measure(graph, graph.nodes.living, exact_budget=100, error=0.05)
    assert (exact.betweenness_error, estimated.betweenness_error) == (0.0, 0.05)
    assert np.abs(exact.betweenness - estimated.betweenness).max() <= 0.05
    assert exact.betweenness.tolist() != estimated.betweenness.tolist()


@pytest.mark.parametrize("nodes", [0, 1, 2, 3])
def test_graphs_too_small_for_a_path_between_others_have_no_betweenness(nodes: int):
    nobody = np.empty(0, np.int32)
    graph = undirected(np.arange(nodes, dtype=np.int32), nobody, nobody, nodes=nodes)
    assert betweenness(graph).tolist() == [0.0] * nodes
    assert connected_components(graph).sizes.tolist() == [1] * nodes


@pytest.mark.parametrize("seed", range(4))
def test_relationships_are_counted_between_visible_entries_only(seed: int):
    generator = np.random.default_rng(seed)
    audiences, rows = random_audiences(generator, 40), random_edges(generator, 40, 200)
    graph = RegistryGraph.build(rows, audiences)
    visible = visible_keys(audiences, ["*"])
    seen = [row for row in rows.tolist() if row[1] in visible and row[2] in visible]
    by_type, ending = count_relationships(graph, graph.nodes.visible_to(["*"]), 2)
    assert by_type.sum() == len(seen) < len(rows)
    for type_id in (1, 2, 3):
        assert by_type[type_id] == sum(row[3] == type_id for row in seen)
    for key, count in zip(graph.nodes.keys.tolist(), ending.tolist(), strict=True):
        assert count == sum(row[2] == key and row[3] == 2 for row in seen)
    assert count_relationships(graph, graph.nodes.living, None)[1].sum() == 0
