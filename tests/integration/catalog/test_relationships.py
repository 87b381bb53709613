import pytest

from hyper_registry.domain.errors import (
    DanglingRelationshipError,
    EntryNotFoundError,
    PermissionDeniedError,
    RelationshipExistsError,
    SelfRelationshipError,
)
from hyper_registry.domain.principal import Principal
from hyper_registry.domain.relationship import Direction, RelationshipDraft
from hyper_registry.storage.database import Database
from tests.support.services import ADMIN, EDITOR, VIEWER, Services, build_services, draft


def _edge(source: str, target: str, rel_type: str = "depends_on") -> RelationshipDraft:
    return RelationshipDraft.model_validate(
        {"source_id": source, "target_id": target, "rel_type": rel_type}
    )


@pytest.fixture
async def services(database: Database) -> Services:
    built = build_services(database)
    for name in ("a", "b", "c"):
        await built.entries.register(EDITOR, draft(entry_id=name, title=name.upper()))
    private = {"visibility": "private"}
    await built.entries.register(ADMIN, draft(entry_id="hidden", security=private))
    return built


async def test_both_ends_see_a_relationship(services: Services):
    created = await services.relationships.create(EDITOR, _edge("a", "b"))
    for entry_id, direction, other in (("a", Direction.OUT, "b"), ("b", Direction.IN, "a")):
        (related,) = await services.relationships.list_of(VIEWER, entry_id)
        assert related.relationship == created
        assert (related.direction, related.entry_id, related.title) == (
            direction,
            other,
            other.upper(),
        )
    assert await services.relationships.list_of(VIEWER, "a", Direction.IN) == []


async def test_pages_continue_after_the_last_id(services: Services):
    for target, rel_type in (("b", "calls"), ("c", "calls"), ("b", "owns")):
        await services.relationships.create(EDITOR, _edge("a", target, rel_type))
    seen: list[tuple[str, str]] = []
    after = 0
    while page := await services.relationships.list_of(VIEWER, "a", after=after, limit=2):
        seen += [(item.relationship.rel_type, item.entry_id) for item in page]
        after = page[-1].relationship.relationship_id
    assert seen == [("calls", "b"), ("calls", "c"), ("owns", "b")]


async def test_a_hidden_entry_is_no_end_and_no_neighbour(services: Services):
    await services.relationships.create(ADMIN, _edge("a", "hidden"))
    assert await services.relationships.list_of(VIEWER, "a") == []
    assert len(await services.relationships.list_of(ADMIN, "a")) == 1
    with pytest.raises(DanglingRelationshipError):
        await services.relationships.create(EDITOR, _edge("b", "hidden"))
    with pytest.raises(EntryNotFoundError):
        await services.relationships.list_of(VIEWER, "hidden")


async def test_bad_relationships_are_refused(services: Services):
    with pytest.raises(SelfRelationshipError):
        await services.relationships.create(EDITOR, _edge("a", "a"))
    with pytest.raises(DanglingRelationshipError, match="target_id names no entry: 'x'"):
        await services.relationships.create(EDITOR, _edge("a", "x"))
    with pytest.raises(PermissionDeniedError):
        await services.relationships.create(VIEWER, _edge("a", "b"))
    await services.relationships.create(EDITOR, _edge("a", "b"))
    with pytest.raises(RelationshipExistsError):
        await services.relationships.create(EDITOR, _edge("a", "b"))


async def test_the_most_depended_on_come_first(services: Services):
    for source, target in (("a", "b"), ("c", "b"), ("b", "c")):
        await services.relationships.create(EDITOR, _edge(source, target))
    ranked = await services.relationships.most_depended_on(VIEWER)
    assert [(item.entry_id, item.dependents) for item in ranked] == [("b", 2), ("c", 1)]


async def test_a_hidden_dependent_does_not_count(services: Services):
    for source, target in (("a", "b"), ("hidden", "b"), ("hidden", "c"), ("a", "hidden")):
        await services.relationships.create(ADMIN, _edge(source, target))

    async def ranked(principal: Principal) -> list[tuple[str, int]]:
        found = await services.relationships.most_depended_on(principal)
        return [(item.entry_id, item.dependents) for item in found]

    assert await ranked(VIEWER) == [("b", 1)]
    assert await ranked(ADMIN) == [("b", 2), ("c", 1), ("hidden", 1)]


async def test_a_deleted_entry_takes_its_relationships_out_of_sight(services: Services):
    await services.relationships.create(EDITOR, _edge("a", "b"))
    await services.entries.delete(EDITOR, "b")
    assert await services.relationships.list_of(VIEWER, "a") == []
