import asyncio

import pytest

from hyper_registry.domain.errors.access import PermissionDeniedError
from hyper_registry.domain.errors.relationship import RelationshipExistsError
from hyper_registry.domain.errors.types import (
    CategoryNotFoundError,
    RelationshipRefusedError,
    RelationshipTypeNotFoundError,
    TypeInUseError,
)
from hyper_registry.domain.relationship import RelationshipDraft
from hyper_registry.domain.type_definitions import RelationshipTypeChange
from hyper_registry.storage.database import Database
from tests.support.services import ADMIN, EDITOR, VIEWER, Services, build_services, draft


async def _entries(services: Services, *names: str) -> None:
    """Register entries; the part of a name before a dash is its category."""
    for name in names:
        await services.entries.register(
            EDITOR, draft(entry_id=name, category=name.partition("-")[0])
        )


async def _describe(services: Services, name: str, **fields: object) -> None:
    await services.relationship_types.put(
        ADMIN, name, RelationshipTypeChange.model_validate(fields)
    )


def _edge(source: str, rel_type: str, target: str) -> RelationshipDraft:
    return RelationshipDraft.model_validate(
        {"source_id": source, "target_id": target, "rel_type": rel_type}
    )


async def test_a_type_is_described_listed_and_deleted_while_unused(database: Database):
    services = build_services(database)
    await _entries(services, "agent-a", "model-m")
    await services.relationships.create(EDITOR, _edge("agent-a", "calls", "model-m"))
    await _describe(services, "uses", source_categories=["agent"], inverse="used_by")
    calls, uses = await services.relationship_types.list_all(ADMIN)
    # What is merely in use may be so between hidden entries.
    assert await services.relationship_types.list_all(EDITOR) == [uses]
    with pytest.raises(RelationshipTypeNotFoundError):
        await services.relationship_types.get(EDITOR, "calls")
    assert (calls.name, calls.described) == ("calls", False)
    assert (uses.name, uses.described, uses.inverse, uses.updated_by) == (
        "uses",
        True,
        "used_by",
        "ada",
    )
    await services.relationship_types.delete(ADMIN, "uses")
    with pytest.raises(RelationshipTypeNotFoundError):
        await services.relationship_types.get(EDITOR, "uses")
    with pytest.raises(TypeInUseError):
        await services.relationship_types.delete(ADMIN, "calls")
    with pytest.raises(CategoryNotFoundError):
        await _describe(services, "uses", target_categories=["spaceship"])
    with pytest.raises(PermissionDeniedError):
        await services.relationship_types.put(EDITOR, "uses", RelationshipTypeChange())


async def test_ends_of_other_categories_are_refused_singly_and_in_bulk(database: Database):
    services = build_services(database)
    await _entries(services, "agent-a", "model-m", "dataset-d")
    await _describe(services, "uses", source_categories=["agent"], target_categories=["model"])
    await services.relationships.create(EDITOR, _edge("agent-a", "uses", "model-m"))
    with pytest.raises(RelationshipRefusedError, match=r"target_id: .*'dataset'") as caught:
        await services.relationships.create(EDITOR, _edge("agent-a", "uses", "dataset-d"))
    assert caught.value.field == "target_id"
    created, refused = await services.relationships.create_many(
        EDITOR,
        {
            1: _edge("dataset-d", "uses", "model-m"),
            2: _edge("dataset-d", "feeds", "model-m"),
        },
    )
    assert created.keys() == {2}
    assert isinstance(refused[1], RelationshipRefusedError)


async def test_unknown_types_are_refused_only_where_types_are_strict(database: Database):
    services = build_services(database, strict_types=True)
    await _entries(services, "agent-a", "model-m")
    edge = _edge("agent-a", "uses", "model-m")
    with pytest.raises(RelationshipRefusedError, match="no type that was described"):
        await services.relationships.create(EDITOR, edge)
    await _describe(services, "uses")
    await services.relationships.create(EDITOR, edge)


@pytest.mark.parametrize(
    ("cardinality", "second_target", "second_source"),
    [
        ("one_to_one", "source_id", "target_id"),
        ("many_to_one", "source_id", None),
        ("one_to_many", None, "target_id"),
        ("many_to_many", None, None),
    ],
)
async def test_cardinality_is_kept(
    database: Database, cardinality: str, second_target: str | None, second_source: str | None
):
    services = build_services(database)
    await _entries(services, "agent-a", "agent-b", "model-m", "model-n")
    await _describe(services, "owns", cardinality=cardinality)
    await services.relationships.create(EDITOR, _edge("agent-a", "owns", "model-m"))
    further = {1: ("agent-a", "model-n", second_target), 2: ("agent-b", "model-m", second_source)}
    _, refused = await services.relationships.create_many(
        EDITOR, {n: _edge(source, "owns", target) for n, (source, target, _) in further.items()}
    )
    assert {number: error.field for number, error in refused.items()} == {
        number: field for number, (*_, field) in further.items() if field
    }
    with pytest.raises(RelationshipExistsError):
        await services.relationships.create(EDITOR, _edge("agent-a", "owns", "model-m"))


async def test_a_batch_keeps_cardinality_within_itself(database: Database):
    services = build_services(database)
    await _entries(services, "agent-a", "model-m", "model-n")
    await _describe(services, "owns", cardinality="many_to_one")
    created, refused = await services.relationships.create_many(
        EDITOR, {1: _edge("agent-a", "owns", "model-m"), 2: _edge("agent-a", "owns", "model-n")}
    )
    assert (created.keys(), refused.keys()) == ({1}, {2})


async def test_of_many_writers_at_once_one_takes_the_end(database: Database):
    services = build_services(database)
    targets = [f"model-{n}" for n in range(8)]
    await _entries(services, "agent-a", *targets)
    await _describe(services, "owns", cardinality="many_to_one")
    outcomes = await asyncio.gather(
        *(
            services.relationships.create(EDITOR, _edge("agent-a", "owns", target))
            for target in targets
        ),
        return_exceptions=True,
    )
    refused = [item for item in outcomes if isinstance(item, RelationshipRefusedError)]
    assert len(refused) == len(targets) - 1
    assert len(await services.relationships.list_of(VIEWER, "agent-a")) == 1


async def test_a_refusal_does_not_name_what_the_caller_may_not_see(database: Database):
    services = build_services(database)
    await _entries(services, "agent-a", "model-m")
    hidden = draft(entry_id="hidden-model", category="model", security={"visibility": "private"})
    await services.entries.register(ADMIN, hidden)
    await _describe(services, "owns", cardinality="many_to_one")
    await services.relationships.create(ADMIN, _edge("agent-a", "owns", "hidden-model"))
    with pytest.raises(RelationshipRefusedError) as caught:
        await services.relationships.create(EDITOR, _edge("agent-a", "owns", "model-m"))
    assert "hidden" not in f"{caught.value} {caught.value.remedy}"


async def test_a_relationship_to_a_deleted_entry_takes_no_end(database: Database):
    services = build_services(database)
    await _entries(services, "agent-a", "model-m", "model-n")
    await _describe(services, "owns", cardinality="many_to_one")
    await services.relationships.create(EDITOR, _edge("agent-a", "owns", "model-m"))
    await services.entries.delete(EDITOR, "model-m")
    await services.relationships.create(EDITOR, _edge("agent-a", "owns", "model-n"))


async def test_a_symmetric_relationship_is_one_whichever_end_comes_first(database: Database):
    services = build_services(database)
    await _entries(services, "agent-a", "agent-b", "agent-c")
    await _describe(services, "peers_with", symmetric=True, cardinality="one_to_one")
    created = await services.relationships.create(EDITOR, _edge("agent-b", "peers_with", "agent-a"))
    assert (created.source_id, created.target_id, created.bidirectional) == (
        "agent-a",
        "agent-b",
        True,
    )
    with pytest.raises(RelationshipExistsError):
        await services.relationships.create(EDITOR, _edge("agent-a", "peers_with", "agent-b"))
    with pytest.raises(RelationshipRefusedError):
        await services.relationships.create(EDITOR, _edge("agent-b", "peers_with", "agent-c"))


async def test_a_definition_that_existing_relationships_break_is_refused(database: Database):
    services = build_services(database)
    await _entries(services, "agent-b", "model-m", "model-n", "agent-a")
    for source, target in (("agent-b", "model-m"), ("agent-b", "model-n"), ("agent-b", "agent-a")):
        await services.relationships.create(EDITOR, _edge(source, "owns", target))
    for fields, reason in (
        ({"target_categories": ["model"]}, "1 by categories"),
        ({"cardinality": "many_to_one"}, "1 by cardinality"),
        ({"symmetric": True}, "3 by symmetry"),
    ):
        with pytest.raises(TypeInUseError, match=reason):
            await _describe(services, "owns", **fields)
    await _describe(services, "owns", cardinality="one_to_many", source_categories=["agent"])


async def test_a_type_is_kept_while_a_version_is_of_it(database: Database):
    services = build_services(database)
    await _entries(services, "agent-a", "model-m")
    created = await services.relationships.create(EDITOR, _edge("agent-a", "calls", "model-m"))
    await services.relationships.delete(EDITOR, created.relationship_id)
    with pytest.raises(TypeInUseError):
        await services.relationship_types.delete(ADMIN, "calls")
    page = await services.relationships.list_versions(EDITOR, created.relationship_id)
    assert [version.rel_type for version in page.items] == ["calls"]


async def test_a_symmetric_relationship_stays_so_when_it_is_changed(database: Database):
    services = build_services(database)
    await _entries(services, "agent-a", "agent-b")
    await _describe(services, "resembles", symmetric=True)
    created = await services.relationships.create(EDITOR, _edge("agent-b", "resembles", "agent-a"))
    patched = await services.relationships.patch(
        EDITOR, created.relationship_id, {"bidirectional": False, "weight": 0.5}
    )
    assert (patched.bidirectional, patched.weight, patched.version) == (True, 0.5, 2)
    replaced = await services.relationships.replace(
        EDITOR, created.relationship_id, _edge("agent-b", "resembles", "agent-a")
    )
    assert (replaced.source_id, replaced.bidirectional, replaced.weight) == ("agent-a", True, 1)
