import asyncio

import asyncpg
import networkx as nx
import numpy as np
import pytest

from hyper_registry.domain.errors.entry import EntryNotFoundError
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.domain.relationship import Direction, RelationshipDraft
from hyper_registry.graph import graph_cache
from hyper_registry.graph.service import GraphService
from hyper_registry.storage.database import Database
from hyper_registry.storage.entry_store import EntryStore
from hyper_registry.storage.graph_store import GraphStore
from tests.support.services import ADMIN, EDITOR, VIEWER, Services, build_services, draft

PRIVATE = {"visibility": "private", "readers": ["group:ops"]}
OPERATOR = Principal("oz", Role.VIEWER, frozenset({"ops"}))


@pytest.fixture
async def services(database: Database) -> Services:
    """Entries a to f, of which c is private to a group."""
    built = build_services(database)
    for name in "abcdef":
        security = PRIVATE if name == "c" else {}
        await built.entries.register(ADMIN, draft(entry_id=name, title=name, security=security))
    return built


@pytest.fixture
def graph(database: Database) -> GraphService:
    return GraphService(database, EntryStore(), GraphStore())


async def _relate(services: Services, *edges: str, **fields: object) -> None:
    for edge in edges:
        document = {"source_id": edge[0], "target_id": edge[1], "rel_type": "calls"} | fields
        await services.relationships.create(ADMIN, RelationshipDraft.model_validate(document))


async def _path(
    graph: GraphService, source: str, target: str, principal: Principal = VIEWER, **options: object
) -> str:
    answer = await graph.shortest_path(principal, source, target, **options)  # pyright: ignore[reportArgumentType]  # each test passes what the method takes
    assert answer.complete
    assert answer.found == bool(answer.entries)
    assert answer.hops == (len(answer.links) if answer.found else None)
    return "".join(entry.entry_id for entry in answer.entries)


async def test_a_path_names_its_entries_and_the_relationships_between_them(
    services: Services, graph: GraphService
):
    await _relate(services, "ab", weight=0.5)
    await _relate(services, "db", bidirectional=True)
    answer = await graph.shortest_path(VIEWER, "a", "d")
    assert [(entry.entry_id, entry.title, entry.category) for entry in answer.entries] == [
        ("a", "a", "agent"),
        ("b", "b", "agent"),
        ("d", "d", "agent"),
    ]
    first, second = answer.links
    assert (first.source_id, first.target_id, first.rel_type) == ("a", "b", "calls")
    assert (first.direction, first.weight, first.bidirectional) == (Direction.OUT, 0.5, False)
    assert (second.source_id, second.target_id, second.direction) == ("d", "b", Direction.IN)
    assert second.bidirectional


async def test_direction_and_types_limit_what_is_walked(services: Services, graph: GraphService):
    await _relate(services, "ab", "bd")
    await _relate(services, "ad", rel_type="owns")
    await _relate(services, "de", bidirectional=True)
    assert await _path(graph, "a", "d") == "ad"
    assert await _path(graph, "a", "d", rel_types=("calls",)) == "abd"
    assert await _path(graph, "a", "d", rel_types=("calls",), max_hops=1) == ""
    assert await _path(graph, "a", "d", rel_types=("unheard_of",)) == ""
    assert await _path(graph, "d", "a", direction=Direction.OUT) == ""
    assert await _path(graph, "d", "a", direction=Direction.IN) == "da"
    assert await _path(graph, "e", "d", direction=Direction.OUT) == "ed"
    assert await _path(graph, "d", "e", direction=Direction.IN) == "de"


async def test_of_several_relationships_the_one_along_the_path_is_named(
    services: Services, graph: GraphService
):
    await _relate(services, "ba")
    await _relate(services, "ab", rel_type="owns")
    for direction, expected in (("both", "owns"), ("out", "owns"), ("in", "calls")):
        answer = await graph.shortest_path(VIEWER, "a", "b", direction=Direction(direction))
        assert [link.rel_type for link in answer.links] == [expected]


async def test_a_path_goes_around_what_the_caller_may_not_see(
    services: Services, graph: GraphService
):
    await _relate(services, "ac", "cd", "ab", "be", "ed")
    assert await _path(graph, "a", "d") == "abed"
    assert await _path(graph, "a", "d", OPERATOR) == "acd"
    assert await _path(graph, "a", "d", ADMIN) == "acd"
    for source, target in (("a", "c"), ("c", "a"), ("c", "c"), ("a", "nothing")):
        with pytest.raises(EntryNotFoundError):
            await graph.shortest_path(VIEWER, source, target)
    with pytest.raises(EntryNotFoundError):
        await graph.centrality(VIEWER, "c")


async def test_every_change_is_in_the_next_answer(services: Services, graph: GraphService):
    assert await _path(graph, "a", "d") == ""
    await _relate(services, "ab", "bd")
    assert await _path(graph, "a", "d") == "abd"
    await services.entries.delete(EDITOR, "b")
    assert await _path(graph, "a", "d") == ""
    await services.entries.register(EDITOR, draft(entry_id="b"))
    assert await _path(graph, "a", "d") == "abd"
    await services.entries.replace(ADMIN, "b", draft(entry_id="b", security=PRIVATE))
    assert await _path(graph, "a", "d") == ""
    assert await _path(graph, "a", "d", OPERATOR) == "abd"
    await services.entries.register(EDITOR, draft(entry_id="g"))
    await _relate(services, "ag", "gd")
    assert await _path(graph, "a", "d") == "agd"
    with pytest.raises(EntryNotFoundError):
        await graph.shortest_path(VIEWER, "a", "b")


async def test_deleted_and_altered_relationships_are_not_walked(
    services: Services, graph: GraphService, database: Database
):
    await _relate(services, "ab", "bd")
    assert await _path(graph, "d", "a", direction=Direction.IN) == "dba"
    async with database.transaction() as connection:
        await connection.execute(
            "update relationship set bidirectional = true, "
            "change_xid = pg_current_xact_id()::text::bigint"
        )
    assert await _path(graph, "d", "a", direction=Direction.OUT) == "dba"
    async with database.transaction() as connection:
        await connection.execute("delete from relationship")
    assert await _path(graph, "d", "a") == ""


async def test_a_relationship_that_commits_late_is_not_missed(
    services: Services, graph: GraphService, dsn: str
):
    assert await _path(graph, "a", "b") == ""
    late = await asyncpg.connect(dsn)
    transaction = late.transaction()
    await transaction.start()
    await late.execute("insert into relationship_type (name) values ('late')")
    await late.execute(
        "insert into relationship (source_key, target_key, type_id, bidirectional, weight, "
        "created_by, metadata) select a.entry_key, b.entry_key, t.type_id, false, 1, 't', '{}' "
        "from entry a, entry b, relationship_type t "
        "where a.entry_id = 'a' and b.entry_id = 'b' and t.name = 'late'"
    )
    for later in ("de", "ef"):
        await _relate(services, later)
        assert await _path(graph, later[0], later[1]) == later
        assert await _path(graph, "a", "b") == ""
    await transaction.commit()
    await late.close()
    assert await _path(graph, "a", "b") == "ab"
    assert await _path(graph, "d", "f") == "def"


async def test_many_changes_at_once_are_read_anew(
    services: Services, graph: GraphService, monkeypatch: pytest.MonkeyPatch
):
    assert await _path(graph, "a", "f") == ""
    monkeypatch.setattr(graph_cache, "_MOST_CHANGED_EDGES", 3)
    await _relate(services, "ab", "bd", "de", "ef")
    assert await _path(graph, "a", "f") == "abdef"


async def test_questions_asked_together_each_see_what_was_written_before_them(
    services: Services, graph: GraphService
):
    async def write_and_ask(source: str, target: str) -> str:
        await _relate(services, source + target)
        return await _path(graph, source, target)

    pairs = ["ab", "bd", "de", "ef", "fa", "bf", "ad", "ea"]
    assert await asyncio.gather(*(write_and_ask(*pair) for pair in pairs)) == pairs


async def test_centrality_is_that_of_networkx_on_what_the_caller_may_see(
    services: Services, graph: GraphService
):
    edges = ["ab", "ba", "bc", "cd", "bd", "de", "ac"]
    await _relate(services, *edges)
    for principal, seen in ((VIEWER, "abdef"), (OPERATOR, "abcdef"), (ADMIN, "abcdef")):
        oracle = nx.Graph()
        oracle.add_nodes_from(seen)
        oracle.add_edges_from((edge[0], edge[1]) for edge in edges if set(edge) <= set(seen))
        degree, between, close = (
            nx.degree_centrality(oracle),
            nx.betweenness_centrality(oracle),
            nx.closeness_centrality(oracle),
        )
        for name in oracle:
            found = await graph.centrality(principal, name)
            assert (found.nodes, found.edges) == (len(oracle), oracle.number_of_edges())
            assert found.degree_centrality == pytest.approx(degree[name])
            assert found.betweenness_centrality == pytest.approx(between[name])
            assert found.closeness_centrality == pytest.approx(close[name])
            assert found.betweenness_error == 0
            assert found.component_size == len(nx.node_connected_component(oracle, name))
    central = await graph.centrality(VIEWER, "b")
    assert (central.in_degree, central.out_degree) == (1, 2)
    await services.entries.delete(EDITOR, "d")
    assert (await graph.centrality(VIEWER, "b")).betweenness_centrality == 0


async def test_a_lone_entry_has_the_centrality_of_networkx(database: Database, graph: GraphService):
    await build_services(database).entries.register(EDITOR, draft(entry_id="alone"))
    alone = await graph.centrality(VIEWER, "alone")
    assert (alone.degree_centrality, alone.closeness_centrality, alone.nodes) == (1, 0, 1)


@pytest.mark.parametrize("seed", range(3))
async def test_random_writes_never_lead_a_path_astray(
    seed: int, database: Database, graph: GraphService
):
    services = build_services(database)
    generator = np.random.default_rng(seed)
    names = [f"n{number}" for number in range(14)]
    hidden: set[str] = set()
    oracle = nx.DiGraph()
    for name in names:
        await services.entries.register(ADMIN, draft(entry_id=name))
        oracle.add_node(name)
    for _ in range(30):
        source, target, changed = (str(name) for name in generator.choice(names, 3, replace=False))
        if not oracle.has_edge(source, target):
            document = {"source_id": source, "target_id": target, "rel_type": "calls"}
            await services.relationships.create(ADMIN, RelationshipDraft.model_validate(document))
            oracle.add_edge(source, target)
        hidden ^= {changed}
        security = PRIVATE if changed in hidden else {}
        await services.entries.replace(ADMIN, changed, draft(entry_id=changed, security=security))
        seen = oracle.subgraph(set(names) - hidden)
        for principal, walked in ((VIEWER, seen), (OPERATOR, oracle)):
            ends = [str(name) for name in generator.choice(sorted(walked), 2)]
            answer = await graph.shortest_path(principal, *ends, direction=Direction.OUT)
            path = [entry.entry_id for entry in answer.entries]
            if nx.has_path(walked, *ends):
                assert answer.hops == nx.shortest_path_length(walked, *ends)
                assert nx.is_simple_path(walked, path)
            else:
                assert path == []
