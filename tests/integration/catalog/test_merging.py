"""Duplicates merged, followed and brought back."""

import asyncio
from typing import Any

import pytest

from hyper_registry.domain.entry import Visibility
from hyper_registry.domain.errors.access import PermissionDeniedError
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.errors.entry import EntryNotFoundError, VersionConflictError
from hyper_registry.domain.errors.identity import (
    HandleTakenError,
    MergeNotFoundError,
    MergeSelfError,
    MergeUndoConflictError,
    MergeWidensReadersError,
)
from hyper_registry.domain.identifiers import EntryId, RelationshipId
from hyper_registry.domain.merge import MergedPermissions
from hyper_registry.domain.namespace import NamedEntry, NamespaceDraft
from hyper_registry.domain.principal import (
    NamespaceBinding,
    NamespaceRole,
    Principal,
    Role,
)
from hyper_registry.domain.relationship import RelationshipDraft
from hyper_registry.storage.database import Database
from hyper_registry.storage.retention_store import RetentionStore
from tests.support.services import ADMIN, EDITOR, VIEWER, Services, build_services, draft

# What people and time make of an entry or a relationship, beside what it is.
_CONTENT = """
    select 'entry', e.entry_id, to_jsonb(e) - '{version,updated_at,updated_by,change_xid}'::text[]
    from entry e
    union all
    select 'relationship', r.relationship_id::text,
        to_jsonb(r) - '{relationship_key,version,updated_at,updated_by,change_xid}'::text[]
    from relationship r
    union all
    select 'name', n.form, to_jsonb(n) from entry_name n
    union all
    select 'vector', m.entry_key::text, to_jsonb(m) from entry_embedding m
    order by 1, 2
"""


@pytest.fixture
async def services(database: Database) -> Services:
    built = build_services(database)
    for name in ("team", "other"):
        await built.namespaces.create(ADMIN, NamespaceDraft(name=name))
    return built


async def _content(database: Database) -> list[tuple[Any, ...]]:
    async with database.connection() as connection:
        return [tuple(row) for row in await connection.fetch(_CONTENT)]


async def _relate(
    services: Services, source: str, target: str, weight: float = 1.0, rel_type: str = "uses"
) -> RelationshipId:
    made = await services.relationships.create(
        EDITOR,
        RelationshipDraft(
            source_id=EntryId(source),
            target_id=EntryId(target),
            rel_type=rel_type,
            weight=weight,
            metadata={"by": f"{source}-{target}"},
        ),
    )
    return made.relationship_id


async def _world(services: Services) -> dict[str, RelationshipId]:
    """A survivor `s` and its duplicate `d`, related to each other and to others, some the same."""
    await services.entries.register(EDITOR, draft(entry_id="s", handle="team/s"))
    await services.entries.register(EDITOR, draft(entry_id="d", handle="other/d", title="Twin"))
    await services.naming.rename(EDITOR, "d", "dd")
    for entry_id in ("x", "y", "z"):
        await services.entries.register(EDITOR, draft(entry_id=entry_id))
    return {
        "s-x": await _relate(services, "s", "x", 0.25),
        "d-x": await _relate(services, "d", "x", 0.75),
        "s-y": await _relate(services, "s", "y", 0.75),
        "d-y": await _relate(services, "d", "y", 0.25),
        "z-d": await _relate(services, "z", "d"),
        "d-s": await _relate(services, "d", "s"),
        "s-z": await _relate(services, "s", "z", rel_type="feeds"),
    }


async def test_relationships_names_and_history_go_over(services: Services):
    ids = await _world(services)
    merge = await services.merges.merge(EDITOR, "d", "s", expected_versions={2})
    assert (merge.survivor_id, merge.duplicate_id, merge.moved) == ("s", "d", 2)
    assert {(each.relationship_id, each.reason.value) for each in merge.dropped} == {
        (ids["s-x"], "same"),
        (ids["d-y"], "same"),
        (ids["d-s"], "self"),
    }
    moved = await services.relationships.get(EDITOR, ids["d-x"])
    assert (moved.source_id, moved.target_id, moved.weight) == ("s", "x", 0.75)
    assert moved.metadata == {"by": "d-x"}
    for relationship, ends in (("z-d", ("z", "s")), ("s-y", ("s", "y")), ("s-z", ("s", "z"))):
        held = await services.relationships.get(EDITOR, ids[relationship])
        assert (held.source_id, held.target_id) == ends
    for handle in ("other/d", "OTHER/DD"):
        found = await services.naming.get(VIEWER, handle)
        assert (found.entry_id, found.found_by.is_alias) == ("s", True)
        assert found.found_by.canonical == "team/s"
    by_id = await services.naming.get_by_id(VIEWER, "d")
    assert isinstance(by_id, NamedEntry)
    assert (by_id.entry_id, by_id.found_by.name) == ("s", "d")
    versions = (await services.history.list_versions(VIEWER, "d")).items
    assert [(each.version, each.deleted, each.handle) for each in versions] == [
        (3, True, "other/dd"),
        (2, False, "other/dd"),
        (1, False, "other/d"),
    ]
    names = await services.naming.list_names(VIEWER, "s")
    assert [each.entry_id for each in names.merged] == ["d"]
    with pytest.raises(HandleTakenError):
        await services.entries.register(EDITOR, draft(handle="other/d"))


async def test_a_merged_entry_is_neither_brought_back_nor_purged_otherwise(
    services: Services, database: Database
):
    await _world(services)
    await services.merges.merge(EDITOR, "d", "s")
    for work in (
        services.entries.undelete(EDITOR, "d"),
        services.entries.register(EDITOR, draft(entry_id="d")),
        services.entries.delete(EDITOR, "d"),
        services.entries.replace(EDITOR, "d", draft()),
    ):
        with pytest.raises(RegistryError):
            await work
    outcome = await services.entries.upsert_many(EDITOR, {1: draft(entry_id="d")})
    assert set(outcome.refused) == {1}
    assert await services.entries.list_deleted(EDITOR) == []
    async with database.connection() as connection:
        now = await connection.fetchval("select now() + interval '1 day'")
        assert await RetentionStore().count_expired(connection, now) == 0
        assert await RetentionStore().lock_expired(connection, now, 10) == []


async def test_undoing_a_merge_restores_every_row(services: Services, database: Database):
    ids = await _world(services)
    before = await _content(database)
    merge = await services.merges.merge(EDITOR, "d", "s")
    assert await _content(database) != before
    undone = await services.merges.undo(EDITOR, merge.merge_id)
    assert undone.undone_by == "eve"
    assert await _content(database) == before
    assert (await services.naming.get(VIEWER, "other/d")).entry_id == "d"
    assert not isinstance(await services.naming.get_by_id(VIEWER, "d"), NamedEntry)
    versions = await services.relationships.list_versions(EDITOR, ids["s-x"])
    # The one that was left out goes on after the version that deleted it.
    assert [each.version for each in versions.items] == [3, 1]
    again = await services.merges.merge(EDITOR, "d", "s")
    await services.merges.undo(EDITOR, again.merge_id)
    assert await _content(database) == before


async def test_what_came_after_a_merge_stays_with_the_survivor(
    services: Services, database: Database
):
    await _world(services)
    merge = await services.merges.merge(EDITOR, "d", "s")
    await services.entries.register(EDITOR, draft(entry_id="new"))
    later = await _relate(services, "s", "new")
    await services.entries.patch(EDITOR, "s", {"title": "Better"})
    await services.naming.rename(EDITOR, "s", "ss")
    await services.merges.undo(EDITOR, merge.merge_id)
    survivor = await services.entries.get(EDITOR, "s")
    assert (survivor.title, survivor.handle) == ("Better", "team/ss")
    assert (await services.relationships.get(EDITOR, later)).source_id == "s"


@pytest.mark.parametrize("change", ["update", "delete"])
async def test_an_undo_that_would_lose_a_later_change_is_refused_whole(
    services: Services, database: Database, change: str
):
    ids = await _world(services)
    merge = await services.merges.merge(EDITOR, "d", "s")
    if change == "update":
        await services.relationships.patch(EDITOR, ids["d-x"], {"weight": 0.5})
        conflict = ids["d-x"]
    else:
        await services.relationships.delete(EDITOR, ids["z-d"])
        conflict = ids["z-d"]
    before = await _content(database)
    with pytest.raises(MergeUndoConflictError) as refused:
        await services.merges.undo(EDITOR, merge.merge_id)
    assert refused.value.conflicts == (f"relationship {conflict}",)
    assert await _content(database) == before


async def test_what_was_purged_since_does_not_come_back(services: Services, database: Database):
    ids = await _world(services)
    merge = await services.merges.merge(EDITOR, "d", "s")
    for entry_id in ("y", "z"):
        await services.entries.delete(EDITOR, entry_id)
        async with database.transaction() as connection:
            key = await connection.fetchval(
                "select entry_key from entry where entry_id = $1", entry_id
            )
            await RetentionStore().purge(connection, [key], "ada")
    await services.merges.undo(EDITOR, merge.merge_id)
    async with database.connection() as connection:
        left = await connection.fetch("select relationship_id from relationship")
    assert {row["relationship_id"] for row in left} == {ids["s-x"], ids["d-x"], ids["d-s"]}


async def test_merges_in_a_row_lead_on_and_are_undone_from_the_last(
    services: Services, database: Database
):
    await _world(services)
    before = await _content(database)
    first = await services.merges.merge(EDITOR, "d", "s")
    between = await _content(database)
    second = await services.merges.merge(EDITOR, "s", "x")
    assert (await services.naming.get(VIEWER, "other/d")).entry_id == "x"
    assert (await services.naming.get_by_id(VIEWER, "d")).entry_id == "x"
    with pytest.raises(MergeUndoConflictError, match="entry s was deleted or merged since"):
        await services.merges.undo(EDITOR, first.merge_id)
    await services.merges.undo(EDITOR, second.merge_id)
    assert await _content(database) == between
    await services.merges.undo(EDITOR, first.merge_id)
    assert await _content(database) == before
    with pytest.raises(MergeUndoConflictError, match="it was undone by eve"):
        await services.merges.undo(EDITOR, first.merge_id)


async def test_a_merge_never_widens_what_anybody_sees_unsaid(
    services: Services, database: Database
):
    private = {"visibility": "private", "readers": ["user:ann"]}
    await services.entries.register(EDITOR, draft(entry_id="open"))
    await services.entries.register(EDITOR, draft(entry_id="x"))
    await services.entries.register(ADMIN, draft(entry_id="hidden", security=private))
    with pytest.raises(MergeWidensReadersError):
        await services.merges.merge(ADMIN, "hidden", "open")
    before = await _content(database)
    united = await services.merges.merge(ADMIN, "open", "hidden", MergedPermissions.UNION)
    survivor = await services.entries.get(VIEWER, "hidden")
    assert survivor.security.visibility is Visibility.INTERNAL
    await services.merges.undo(ADMIN, united.merge_id)
    assert await _content(database) == before
    with pytest.raises(EntryNotFoundError):
        await services.entries.get(VIEWER, "hidden")
    # The other way nobody gains sight, and who saw only the duplicate loses it.
    kept = await services.merges.merge(ADMIN, "open", "hidden")
    with pytest.raises(EntryNotFoundError):
        await services.naming.get_by_id(VIEWER, "open")
    with pytest.raises(MergeNotFoundError):
        await services.merges.get(VIEWER, kept.merge_id)
    ann = Principal("ann", Role.VIEWER)
    assert (await services.naming.get_by_id(ann, "open")).entry_id == "hidden"


async def test_permissions_changed_after_a_union_are_not_undone(services: Services):
    await services.entries.register(EDITOR, draft(entry_id="open"))
    private = {"visibility": "private", "readers": ["user:ann"]}
    await services.entries.register(ADMIN, draft(entry_id="hidden", security=private))
    merge = await services.merges.merge(ADMIN, "open", "hidden", MergedPermissions.UNION)
    await services.entries.patch(ADMIN, "hidden", {"security": {"visibility": "public"}})
    with pytest.raises(MergeUndoConflictError, match="the security of entry hidden"):
        await services.merges.undo(ADMIN, merge.merge_id)


async def test_who_may_not_write_both_merges_nothing(services: Services):
    await services.entries.register(EDITOR, draft(entry_id="s", handle="team/s"))
    await services.entries.register(EDITOR, draft(entry_id="d", handle="other/d"))
    ann = Principal(
        "ann",
        Role.VIEWER,
        bindings=frozenset({NamespaceBinding("team", NamespaceRole.EDITOR)}),
    )
    for caller in (VIEWER, ann):
        with pytest.raises(PermissionDeniedError):
            await services.merges.merge(caller, "d", "s")
    both = frozenset({*ann.bindings, NamespaceBinding("other", NamespaceRole.OWNER)})
    merge = await services.merges.merge(Principal("ann", Role.VIEWER, bindings=both), "d", "s")
    with pytest.raises(PermissionDeniedError):
        await services.merges.undo(ann, merge.merge_id)
    with pytest.raises(MergeSelfError):
        await services.merges.merge(EDITOR, "s", "s")
    with pytest.raises(EntryNotFoundError):
        await services.merges.merge(EDITOR, "s", "nobody")
    await services.entries.register(EDITOR, draft(entry_id="e"))
    with pytest.raises(VersionConflictError):
        await services.merges.merge(EDITOR, "e", "s", expected_versions={4})


async def test_of_concurrent_merges_of_one_duplicate_one_wins(services: Services):
    for entry_id in ("d", *(f"s{number}" for number in range(6))):
        await services.entries.register(EDITOR, draft(entry_id=entry_id))

    async def merge(number: int) -> bool:
        try:
            await services.merges.merge(EDITOR, "d", f"s{number}")
        except EntryNotFoundError:
            return False
        return True

    assert sum(await asyncio.gather(*map(merge, range(6)))) == 1
