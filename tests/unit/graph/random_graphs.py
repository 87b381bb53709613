"""Random graphs, as the rows that Postgres would give."""

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from hyper_registry.graph.registry_graph import RegistryGraph
from hyper_registry.storage.graph_store import EDGE_ROW, Audience

FIRST_KEY = 100


def random_edges(
    generator: np.random.Generator, nodes: int, edges: int, first_key: int = 1
) -> NDArray[np.void]:
    """Edges of three types between different nodes, a fifth of them bidirectional."""
    rows = np.empty(edges, EDGE_ROW)
    rows["key"] = generator.permutation(edges) + first_key
    rows["source_key"] = generator.integers(0, nodes, edges) + FIRST_KEY
    step = generator.integers(1, nodes, edges)
    rows["target_key"] = (rows["source_key"] - FIRST_KEY + step) % nodes + FIRST_KEY
    rows["type_id"] = generator.integers(1, 4, edges)
    rows["bidirectional"] = generator.random(edges) < 0.2
    _, first = np.unique(rows[["source_key", "target_key", "type_id"]], return_index=True)
    return rows[np.sort(first)]


def random_audiences(generator: np.random.Generator, nodes: int) -> list[Audience]:
    """Nodes of which most are open, some are read by one group and a few are deleted."""
    keys = np.arange(nodes) + FIRST_KEY
    kind = generator.choice(3, nodes, p=[0.75, 0.2, 0.05])
    return [
        Audience(frozenset({"*"}), living=True, entry_keys=keys[kind == 0]),
        Audience(frozenset({"group:ops", "user:x"}), living=True, entry_keys=keys[kind == 1]),
        Audience(frozenset({"*"}), living=False, entry_keys=keys[kind == 2]),
    ]


def visible_keys(audiences: list[Audience], grants: list[str] | None) -> set[int]:
    return {
        int(key)
        for audience in audiences
        if audience.living and (grants is None or not audience.readers.isdisjoint(grants))
        for key in audience.entry_keys
    }


def as_networkx(
    edges: NDArray[np.void], visible: set[int], type_ids: list[int] | None = None
) -> nx.DiGraph:
    """What may be walked along relationships, over visible nodes, by entry key."""
    graph = nx.DiGraph()
    graph.add_nodes_from(visible)
    for _, source, target, type_id, bidirectional in edges.tolist():
        if source in visible and target in visible and (not type_ids or type_id in type_ids):
            graph.add_edge(source, target)
            if bidirectional:
                graph.add_edge(target, source)
    return graph


def keys_of(graph: RegistryGraph, nodes: tuple[int, ...]) -> list[int]:
    return [int(graph.nodes.keys[node]) for node in nodes]


def number_in(graph: RegistryGraph, key: int) -> int:
    number = graph.nodes.number_of(key)
    assert number is not None
    return number
