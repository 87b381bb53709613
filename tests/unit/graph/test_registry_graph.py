from collections import Counter

import numpy as np
import pytest

from hyper_registry.graph import registry_graph
from hyper_registry.graph.registry_graph import RegistryGraph
from hyper_registry.storage.graph_store import EDGE_ROW, Audience, GraphChanges
from tests.unit.graph.random_graphs import FIRST_KEY, number_in, random_audiences, random_edges

NOTHING = np.empty(0, np.int64)
NO_EDGES = np.empty(0, EDGE_ROW)


def _slots(graph: RegistryGraph) -> Counter[tuple[int, int, int, int]]:
    """All open slots by the keys at their ends, their type and their flags."""
    counted: Counter[tuple[int, int, int, int]] = Counter()
    for adjacency in (graph.base, graph.recent):
        for node in range(len(graph.nodes)):
            places = adjacency.slots_of(node)
            for neighbour, type_id, flags in zip(
                adjacency.neighbours[places],
                adjacency.type_ids[places],
                adjacency.flags[places],
                strict=True,
            ):
                if flags:
                    ends = graph.nodes.keys[node], graph.nodes.keys[neighbour]
                    counted[int(ends[0]), int(ends[1]), int(type_id), int(flags)] += 1
    return counted


def _audience(readers: str, *keys: int, living: bool = True) -> Audience:
    return Audience(frozenset({readers}), living, np.array(keys, np.int64))


@pytest.mark.parametrize("least_rebuilt", [0, 15, 10_000])
@pytest.mark.parametrize("seed", range(5))
def test_a_graph_after_many_changes_equals_one_built_of_what_is_left(
    seed: int, least_rebuilt: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(registry_graph, "_LEAST_REBUILT", least_rebuilt)
    generator = np.random.default_rng(seed)
    audiences = random_audiences(generator, 30)
    pool = random_edges(generator, 30, 300)
    edges: dict[int, tuple] = {row[0]: row for row in pool[:100].tolist()}
    graph = RegistryGraph.build(pool[:100], audiences)
    waiting = [pool[100 + 10 * step : 110 + 10 * step] for step in range(15)]
    for added in waiting:
        removed = generator.choice(list(edges), 8, replace=False)
        for key in removed:
            del edges[int(key)]
        turned = np.array([edges[int(k)] for k in generator.choice(list(edges), 5)], EDGE_ROW)
        turned = np.unique(turned)
        turned["bidirectional"] ^= True
        upserted = np.concatenate([added, turned])
        edges |= {row[0]: row for row in upserted.tolist()}
        before, slots_before = graph, _slots(graph)
        graph = graph.with_changes(GraphChanges(removed, upserted, []))
        assert _slots(before) == slots_before, "a state of the graph never changes"
        assert graph.with_changes(GraphChanges(removed, upserted, [])) is graph
        rebuilt = RegistryGraph.build(np.array(list(edges.values()), EDGE_ROW), audiences)
        assert _slots(graph) == _slots(rebuilt)
        assert graph.edges.keys.tolist() == sorted(edges)


def test_new_entries_take_their_place_whatever_the_order_of_their_keys():
    graph = RegistryGraph.build(NO_EDGES, [_audience("*", 100, 300)])
    edges = np.array([(2, 200, 100, 1, False), (1, 300, 200, 1, False)], EDGE_ROW)
    graph = graph.with_changes(GraphChanges(NOTHING, edges, [_audience("*", 200, 150)]))
    assert sorted(_slots(graph)) == [
        (100, 200, 1, 2),
        (200, 100, 1, 5),
        (200, 300, 1, 2),
        (300, 200, 1, 5),
    ]
    assert graph.nodes.numbers_of(np.array([300, 100, 250])).tolist()[2] == -1


def _visible(graph: RegistryGraph, grants: list[str] | None) -> list[int]:
    return sorted(graph.nodes.keys[graph.nodes.visible_to(grants)].tolist())


def test_changed_readers_and_deletions_change_who_sees_an_entry():
    graph = RegistryGraph.build(NO_EDGES, [_audience("*", 1, 2), _audience("group:a", 3)])
    assert _visible(graph, ["*"]) == [1, 2]
    assert _visible(graph, ["*", "group:a"]) == [1, 2, 3]
    assert _visible(graph, None) == [1, 2, 3]
    changes = [_audience("group:b", 1), _audience("*", 3), _audience("*", 2, living=False)]
    later = graph.with_changes(GraphChanges(NOTHING, NO_EDGES, changes))
    assert _visible(later, ["*"]) == [3]
    assert _visible(later, ["group:b"]) == [1]
    assert _visible(later, None) == [1, 3]
    assert _visible(graph, ["*"]) == [1, 2]
    revived = later.with_changes(GraphChanges(NOTHING, NO_EDGES, [_audience("*", 2)]))
    assert _visible(revived, ["*"]) == [2, 3]


def test_an_edge_whose_end_is_unknown_is_left_out():
    edges = np.array([(1, FIRST_KEY, 999, 1, False)], EDGE_ROW)
    graph = RegistryGraph.build(edges, [_audience("*", FIRST_KEY)])
    assert not _slots(graph)


def _degrees(graph: RegistryGraph, key: int, grants: list[str] | None) -> tuple[int, int]:
    return graph.degrees(number_in(graph, key), graph.nodes.visible_to(grants))


def test_degrees_count_relationships_with_visible_entries_only():
    edges = np.array(
        [(1, 1, 2, 1, False), (2, 1, 2, 2, False), (3, 3, 1, 1, True), (4, 1, 3, 1, False)],
        EDGE_ROW,
    )
    graph = RegistryGraph.build(edges, [_audience("*", 1, 2), _audience("group:a", 3)])
    assert _degrees(graph, 1, None) == (1, 3)
    assert _degrees(graph, 1, ["*"]) == (0, 2)
    assert _degrees(graph, 2, ["*"]) == (2, 0)
    later = graph.with_changes(GraphChanges(np.array([2]), NO_EDGES, []))
    assert _degrees(later, 1, None) == (1, 2)


def test_no_nodes_know_no_keys():
    graph = RegistryGraph.build(NO_EDGES, [])
    assert graph.nodes.numbers_of(np.array([1, 2])).tolist() == [-1, -1]
    assert graph.nodes.number_of(7) is None
