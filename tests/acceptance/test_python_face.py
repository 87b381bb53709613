"""The Python face as its users meet it: the same calls embedded and against a server."""

from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from configs.settings import DatabaseSettings, Settings
from hyper_registry import HyperUniversalRegistry
from hyper_registry.client.remote import RemoteBackend
from hyper_registry.domain.errors.access import UnauthenticatedError
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.errors.entry import (
    EntryExistsError,
    EntryNotFoundError,
    VersionConflictError,
    VersionNotFoundError,
)
from hyper_registry.domain.errors.identity import (
    HandleNotFoundError,
    HandleTakenError,
    MergeUndoConflictError,
)
from hyper_registry.domain.errors.input import (
    InvalidFieldError,
    InvalidQueryError,
    UnknownCategoryError,
)
from hyper_registry.domain.errors.relationship import (
    DanglingRelationshipError,
    RelationshipEndsError,
    RelationshipNotFoundError,
    SelfRelationshipError,
)
from hyper_registry.domain.errors.service import NotStartedError, ServerUnavailableError
from hyper_registry.domain.namespace import NamedEntry
from hyper_registry.domain.principal import Role
from hyper_registry.storage.database import Database
from serve_app.api import build_api
from tests.support.services import ADMIN, build_services

BUILT_IN = [
    "agent",
    "service",
    "engine",
    "model",
    "skill",
    "plugin",
    "prompt",
    "embedding",
    "memory",
    "api",
    "integration",
    "component",
    "resource",
    "infrastructure",
    "pipeline",
    "webhook",
    "dataset",
    "knowledge",
    "search",
    "event_schema",
    "task_schema",
    "workflow",
    "organization",
    "template",
    "widget",
    "notification",
]


@pytest.fixture
def settings(dsn: str, tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path, database=DatabaseSettings(url=SecretStr(dsn), pool_min=1, pool_max=5)
    )


@pytest.fixture(params=["embedded", "remote"])
async def registry(
    request: pytest.FixtureRequest, settings: Settings, database: Database
) -> AsyncGenerator[HyperUniversalRegistry]:
    if request.param == "embedded":
        async with HyperUniversalRegistry(settings=settings) as opened:
            yield opened
        return
    app = build_api(settings)
    _, key = await build_services(database).keys.create(ADMIN, "eve", Role.EDITOR)
    async with app.router.lifespan_context(app):
        opened = HyperUniversalRegistry("http://registry", api_key=key)
        opened._backend = RemoteBackend("http://registry", key, transport=httpx.ASGITransport(app))
        async with opened:
            yield opened


async def test_the_calls_of_the_product_page(registry: HyperUniversalRegistry):
    await registry.start()
    agent_id = await registry.register_agent(
        {
            "title": "MyAgent",
            "description": "Plans the training of machine learning models.",
            "capabilities": ["plan", "schedule"],
            "owner": "data-team",
        },
        wait_embedded=True,
    )
    service_id = await registry.register_entry(
        {
            "title": "Feature store",
            "category": "service",
            "description": "Serves features for machine learning.",
            "owner": "data-team",
            "metadata": {"tier": 1},
        }
    )
    model_id = await registry.register_model({"title": "Churn model", "owner": "sales"})
    assert (await registry.get_entry(agent_id)).metadata == {"capabilities": ["plan", "schedule"]}

    results = await registry.search_entries(
        query="machine learning",
        filters={"category": ["model", "service"], "status": "active", "owner": "data-team"},
        limit=20,
    )
    assert [hit.entry_id for hit in results] == [service_id]
    assert results[0].title == "Feature store"
    assert 0 < results[0].relevance_score <= 1
    near = await registry.search_entries("artificial intelligence planner", mode="vector")
    assert near[0].entry_id == agent_id

    await registry.create_relationship(source_id=agent_id, target_id=service_id, rel_type="calls")
    await registry.create_relationship(source_id=service_id, target_id=model_id, rel_type="feeds")
    related = await registry.get_relationships(entry_id=service_id, direction="both")
    assert [(item.direction, item.entry_id) for item in related] == [
        ("in", agent_id),
        ("out", model_id),
    ]
    assert await registry.find_shortest_path(agent_id, model_id) == [agent_id, service_id, model_id]
    centrality = await registry.analyze_centrality(service_id)
    assert centrality["degree_centrality"] == 1.0
    assert centrality["betweenness_centrality"] == 1.0
    analytics = await registry.get_analytics()
    assert (analytics["entries"], analytics["relationships"]) == (3, 2)


async def test_every_built_in_category_has_its_method(registry: HyperUniversalRegistry):
    for category in BUILT_IN:
        register = getattr(registry, f"register_{category}")
        entry_id = await register({"title": f"One {category}"})
        assert (await registry.get_entry(entry_id)).category == category
    assert (await registry.get_analytics())["entries"] == len(BUILT_IN) == 26


async def test_entries_are_updated_and_deleted(registry: HyperUniversalRegistry):
    entry_id = await registry.register_skill({"title": "Cut", "entry_id": "cut"})
    changed = await registry.update_entry(
        entry_id, {"title": "Cut wood", "category": "skill"}, expected_version=1
    )
    assert (changed.title, changed.version) == ("Cut wood", 2)
    with pytest.raises(VersionConflictError):
        await registry.delete_entry(entry_id, expected_version=1)
    await registry.delete_entry(entry_id, expected_version=2)
    with pytest.raises(EntryNotFoundError, match="'cut'"):
        await registry.get_entry(entry_id)


async def test_what_an_entry_was_is_told_and_brought_back(registry: HyperUniversalRegistry):
    await registry.register_skill({"title": "Cut", "entry_id": "cut", "tags": ["a"]})
    then = (await registry.get_entry("cut")).updated_at
    patched = await registry.patch_entry("cut", {"title": "Cut wood", "tags": ["a", "b"]})
    assert (patched.version, patched.tags) == (2, ("a", "b"))
    with pytest.raises(VersionConflictError):
        await registry.patch_entry("cut", {"title": "x"}, expected_version=1)
    versions = await registry.list_versions("cut")
    assert [(item.version, item.title) for item in versions] == [(2, "Cut wood"), (1, "Cut")]
    assert await registry.list_versions("cut", limit=1) == versions[:1]
    assert await registry.get_version("cut", 1) == versions[1]
    assert await registry.get_entry_as_of("cut", then) == versions[1]
    with pytest.raises(VersionNotFoundError):
        await registry.get_entry_as_of("cut", then - timedelta(seconds=1))
    with pytest.raises(InvalidFieldError):
        await registry.get_entry_as_of("cut", datetime(2026, 1, 1))  # noqa: DTZ001  # the fault
    difference = await registry.diff_versions("cut", 1, 2)
    assert {item["path"]: item["value"] for item in difference.patch} == {
        "/tags/1": "b",
        "/title": "Cut wood",
    }
    restored = await registry.restore_version("cut", 1, expected_version=2)
    assert (restored.version, restored.title, restored.tags) == (3, "Cut", ("a",))
    with pytest.raises(VersionNotFoundError):
        await registry.restore_version("cut", 9)
    await registry.delete_entry("cut", expected_version=3)
    with pytest.raises(VersionConflictError):
        await registry.undelete_entry("cut", expected_version=3)
    assert (await registry.undelete_entry("cut", expected_version=4)).title == "Cut"


async def test_relationships_are_changed_and_deleted(registry: HyperUniversalRegistry):
    for name in ("a", "b"):
        await registry.register_model({"title": name, "entry_id": name})
    created = await registry.create_relationship("a", "b", "calls", weight=0.5)
    await registry.create_relationship("a", "b", "owns")
    await registry.create_relationship("a", "b", "uses")
    assert await registry.get_relationship(created.relationship_id) == created
    changed = await registry.update_relationship(
        str(created.relationship_id), {"weight": 2, "metadata": {"k": 1}}, expected_version=1
    )
    assert (changed.weight, changed.metadata, changed.version) == (2, {"k": 1}, 2)
    with pytest.raises(RelationshipEndsError):
        await registry.update_relationship(created.relationship_id, {"target_id": "c"})
    with pytest.raises(VersionConflictError):
        await registry.delete_relationship(created.relationship_id, expected_version=1)
    await registry.delete_relationship(created.relationship_id, expected_version=2)
    with pytest.raises(RelationshipNotFoundError):
        await registry.get_relationship(created.relationship_id)
    with pytest.raises(InvalidFieldError):
        await registry.get_relationship("7")
    typed = await registry.get_relationships("a", rel_type=["owns", "calls"])
    assert [item.relationship.rel_type for item in typed] == ["owns"]
    was = await registry.get_relationships("a", rel_type="calls", as_of=created.created_at)
    assert [item.relationship for item in was] == [created]


async def test_many_are_registered_with_the_reasons_for_the_refused(
    registry: HyperUniversalRegistry,
):
    rows = [
        {"title": "One", "category": "model", "entry_id": "one"},
        {"title": "Two", "category": "spaceship"},
    ]
    registered, refused = await registry.register_entries(rows)
    assert registered == {1: "one"}
    assert "spaceship" in refused[2]


async def test_both_faces_raise_the_same_errors(registry: HyperUniversalRegistry):
    await registry.register_model({"title": "One", "entry_id": "one"})
    faults: list[tuple[type[RegistryError], object]] = [
        (EntryExistsError, registry.register_model({"title": "One", "entry_id": "one"})),
        (UnknownCategoryError, registry.register_entry({"title": "x", "category": "spaceship"})),
        (InvalidFieldError, registry.register_entry({"title": "x", "category": "model", "n": 1})),
        (InvalidFieldError, registry.register_model({"title": ""})),
        (InvalidFieldError, registry.register_model({"title": "x" * 501})),
        (InvalidFieldError, registry.search_entries("x", limit=0)),
        (InvalidFieldError, registry.search_entries("x", filters={"colour": "red"})),
        (InvalidFieldError, registry.get_relationships("one", "sideways")),
        (InvalidQueryError, registry.search_entries("", mode="text")),
        (EntryNotFoundError, registry.get_entry("nothing")),
        (EntryNotFoundError, registry.find_shortest_path("one", "nothing")),
        (EntryNotFoundError, registry.analyze_centrality("nothing")),
        (SelfRelationshipError, registry.create_relationship("one", "one", "calls")),
        (DanglingRelationshipError, registry.create_relationship("one", "two", "calls")),
    ]
    for expected, call in faults:
        with pytest.raises(expected) as caught:
            await call  # type: ignore[misc]
        assert str(caught.value)
        assert caught.value.remedy


async def test_relationships_are_read_to_the_last_page(registry: HyperUniversalRegistry):
    await registry.register_model({"title": "Hub", "entry_id": "hub"})
    for number in range(5):
        await registry.register_model({"title": "Spoke", "entry_id": f"spoke-{number}"})
        await registry.create_relationship("hub", f"spoke-{number}", "calls")
    everything = await registry.get_relationships("hub", "out")
    assert [item.entry_id for item in everything] == [f"spoke-{number}" for number in range(5)]
    assert await registry.get_relationships("hub", limit=2) == everything[:2]
    assert await registry.get_relationships("hub", "in") == []


async def test_nothing_works_before_the_start(settings: Settings):
    for face in (
        HyperUniversalRegistry(settings=settings),
        HyperUniversalRegistry("http://127.0.0.1:9", api_key="k"),
    ):
        with pytest.raises(NotStartedError, match="not open"):
            await face.get_entry("x")
        await face.close()


async def test_a_server_that_is_not_there_is_named():
    face = HyperUniversalRegistry("http://127.0.0.1:9", api_key="k")
    with pytest.raises(ServerUnavailableError, match=r"http://127.0.0.1:9/v1/registry"):
        await face.start()


async def test_a_wrong_key_is_told(settings: Settings):
    app = build_api(settings)
    async with app.router.lifespan_context(app):
        face = HyperUniversalRegistry("http://registry", api_key="hr_0_0")
        face._backend = RemoteBackend(
            "http://registry", "hr_0_0", transport=httpx.ASGITransport(app)
        )
        async with face:
            with pytest.raises(UnauthenticatedError):
                await face.get_entry("x")


async def test_names_lead_to_entries_through_renaming_and_merges(registry: HyperUniversalRegistry):
    for name in ("Team", "Other"):
        await registry.create_namespace(name, description=f"Of {name}")
    assert [space.form for space in await registry.list_namespaces()] == ["other", "team"]
    await registry.register_skill({"title": "Cut", "entry_id": "cut", "handle": "team/Cut"})
    await registry.register_skill({"title": "Saw", "entry_id": "saw", "handle": "team/säge"})
    renamed = await registry.rename_entry("cut", "chop", expected_version=1)
    moved = await registry.transfer_entry("cut", "other", name="Axe", expected_version=2)
    assert (renamed.handle, moved.handle) == ("team/chop", "other/Axe")
    with pytest.raises(VersionConflictError):
        await registry.rename_entry("cut", "x", expected_version=1)
    found = await registry.get_entry_by_handle("TEAM/CUT")
    assert (found.entry_id, found.found_by.is_alias, found.found_by.canonical) == (
        "cut",
        True,
        "other/Axe",
    )
    assert (await registry.get_entry("team/sa\u0308ge")).entry_id == "saw"
    for nobody in ("team/x", "no good/x", "a/b/c"):
        with pytest.raises(HandleNotFoundError):
            await registry.get_entry(nobody)
    with pytest.raises(HandleTakenError):
        await registry.register_skill({"title": "Thief", "handle": "team/chop"})
    merge = await registry.merge_entries("saw", "cut")
    assert (merge.duplicate_id, merge.survivor_id) == ("saw", "cut")
    survivor = await registry.get_entry("saw")
    assert isinstance(survivor, NamedEntry)
    assert (survivor.entry_id, survivor.found_by.name) == ("cut", "saw")
    names = await registry.get_aliases("cut")
    assert [name.handle for name in names.items] == ["other/Axe", "team/chop", "team/Cut"]
    assert [each.entry_id for each in names.merged] == ["saw"]
    assert (await registry.undo_merge(str(merge.merge_id))).undone_at is not None
    assert not isinstance(await registry.get_entry("saw"), NamedEntry)
    with pytest.raises(MergeUndoConflictError):
        await registry.undo_merge(merge.merge_id)


async def test_duplicates_are_found_walked_over_and_rejected(registry: HyperUniversalRegistry):
    for entry_id, title in (("one", "Weather agent"), ("two", "Agent, WEATHER"), ("x", "Ledger")):
        await registry.register_skill({"title": title, "entry_id": entry_id})
    found = await registry.find_duplicates("one", min_score=0.6)
    assert [(each.entry_id, each.evidence.title) for each in found] == [("two", 1.0)]
    pairs = [pair async for pair in registry.iterate_duplicates(min_score=0.6)]
    assert [(pair.entry.entry_id, pair.duplicate.entry_id) for pair in pairs] == [("two", "one")]
    rejected = await registry.reject_duplicate("two", "one")
    assert (rejected.entry_id, rejected.other_id) == ("two", "one")
    assert await registry.find_duplicates("one", min_score=0.6) == []
    with pytest.raises(InvalidFieldError):
        await registry.reject_duplicate("one", "one")
    with pytest.raises(EntryNotFoundError):
        await registry.find_duplicates("nothing")
