import pytest

from hyper_registry.domain.errors.access import PermissionDeniedError
from hyper_registry.domain.errors.entry import EntryNotFoundError
from hyper_registry.domain.errors.relationship import (
    DanglingRelationshipError,
    RelationshipExistsError,
    SelfRelationshipError,
)
from hyper_registry.domain.relationship import Direction, RelationshipDraft
from hyper_registry.storage.database import Database
from tests.support.database_owner import as_owner
from tests.support.services import ADMIN, EDITOR, VIEWER, Services, build_services, draft
from tests.support.written_rows import count, written_rows


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
    after = None
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


async def test_a_deleted_entry_takes_its_relationships_out_of_sight(services: Services):
    await services.relationships.create(EDITOR, _edge("a", "b"))
    await services.entries.delete(EDITOR, "b")
    assert await services.relationships.list_of(VIEWER, "a") == []


async def test_a_batch_leaves_the_rows_that_single_writes_leave(
    services: Services, database: Database
):
    edges = [
        RelationshipDraft.model_validate(
            {
                "source_id": source,
                "target_id": target,
                "rel_type": rel_type,
                "weight": 0.1,
                "bidirectional": rel_type == "calls",
                "metadata": {"why": [1, None, "é"]},
            }
        )
        for source, target, rel_type in (
            ("b", "a", "calls"),
            ("a", "b", "calls"),
            ("a", "c", "owns"),
        )
    ]
    for edge in edges:
        await services.relationships.create(EDITOR, edge)
    singly = await written_rows(database)
    await as_owner(
        database.dsn,
        "truncate relationship, relationship_type cascade",
        "delete from change where subject = 'relationship'",
    )
    created, refused = await services.relationships.create_many(EDITOR, dict(enumerate(edges)))
    assert refused == {}
    assert await written_rows(database) == singly
    related = await services.relationships.list_of(VIEWER, "a")
    assert {item.relationship.relationship_id for item in related} == set(created.values())


async def test_each_bad_row_of_a_batch_gets_its_error_and_the_others_are_written(
    services: Services, database: Database
):
    await services.relationships.create(EDITOR, _edge("a", "b"))
    rows = {
        1: _edge("a", "a"),
        2: _edge("a", "x"),
        3: _edge("hidden", "a"),
        4: _edge("a", "b"),
        5: _edge("a", "c"),
        6: _edge("a", "c"),
        7: _edge("a", "c", "calls"),
    }
    created, refused = await services.relationships.create_many(EDITOR, rows, request_id="r")
    assert sorted(created) == [5, 7]
    assert {row: type(error) for row, error in sorted(refused.items())} == {
        1: SelfRelationshipError,
        2: DanglingRelationshipError,
        3: DanglingRelationshipError,
        4: RelationshipExistsError,
        6: RelationshipExistsError,
    }
    assert str(refused[3]) == "source_id names no entry: 'hidden'"
    async with database.connection() as connection:
        audits = await connection.fetch(
            "select target, request_id, detail from audit where action like 'relationship.%'"
            " order by audit_no"
        )
    assert [tuple(row) for row in audits] == [
        ("a depends_on b", None, {}),
        (None, "r", {"created": 2}),
    ]


async def test_viewers_create_no_batch(services: Services, database: Database):
    with pytest.raises(PermissionDeniedError):
        await services.relationships.create_many(VIEWER, {1: _edge("a", "b")})
    assert await count(database, "relationship") == 0


async def test_a_known_type_uses_up_no_further_number(services: Services, database: Database):
    # The last number that the column holds.
    await as_owner(database.dsn, "alter table relationship_type alter type_id restart with 32767")
    await services.relationships.create(EDITOR, _edge("a", "b"))
    await services.relationships.create(EDITOR, _edge("b", "c"))
    created, _ = await services.relationships.create_many(EDITOR, {1: _edge("c", "a")})
    assert len(created) == 1
