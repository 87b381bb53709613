"""Names of entries: unique in all their forms and for ever, and followed when they change."""

import asyncio

import pytest

from hyper_registry.domain.entry import Entry
from hyper_registry.domain.errors.access import PermissionDeniedError
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.errors.entry import EntryExistsError, VersionConflictError
from hyper_registry.domain.errors.identity import (
    HandleFixedError,
    HandleNotFoundError,
    HandleTakenError,
    NamespaceExistsError,
    NamespaceInUseError,
    NamespaceNotFoundError,
    UnknownNamespaceError,
)
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.namespace import NamespaceContent, NamespaceDraft
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.storage.database import Database
from tests.support.services import ADMIN, EDITOR, VIEWER, Services, build_services, draft


@pytest.fixture
async def services(database: Database) -> Services:
    built = build_services(database)
    for name in ("Team", "other"):
        await built.namespaces.create(ADMIN, NamespaceDraft(name=name))
    return built


async def _rows(database: Database, query: str) -> list[tuple[object, ...]]:
    async with database.connection() as connection:
        return [tuple(row) for row in await connection.fetch(query)]


async def test_an_entry_is_found_by_every_way_to_write_its_handle(services: Services):
    made = await services.entries.register(EDITOR, draft(entry_id="cafe", handle="Team/Café"))
    assert made.handle == "Team/Café"
    for way in ("team/café", "TEAM/CAFE\u0301", "\uff34eam/caf\u00e9"):
        found = await services.naming.get(VIEWER, way)
        assert (found.entry_id, found.handle) == ("cafe", "Team/Café")
        assert found.found_by.model_dump() == {
            "name": way,
            "is_alias": False,
            "canonical": "Team/Café",
        }
    for other in ("team/cafe", "other/café", "team", "team/", "no\x00ne/x"):
        with pytest.raises(HandleNotFoundError):
            await services.naming.get(VIEWER, other)


async def test_a_form_is_never_two_entries(services: Services):
    await services.entries.register(EDITOR, draft(entry_id="one", handle="team/Straße"))
    for way in ("team/straße", "TEAM/STRASSE", "team/STRA\u1e9eE"):
        with pytest.raises(HandleTakenError) as refused:
            await services.entries.register(EDITOR, draft(handle=way))
        assert refused.value.handle == way
    with pytest.raises(UnknownNamespaceError):
        await services.entries.register(EDITOR, draft(handle="nowhere/a"))


async def test_of_concurrent_registrations_of_one_form_exactly_one_wins(
    services: Services, database: Database
):
    ways = ["team/Æther", "TEAM/æTHER", "Team/ÆTHER", "\uff34eam/æther"] * 4

    async def register(way: str) -> str:
        try:
            return (await services.entries.register(EDITOR, draft(handle=way))).entry_id
        except HandleTakenError:
            return ""

    outcomes = await asyncio.gather(*map(register, ways))
    winners = [outcome for outcome in outcomes if outcome]
    assert len(winners) == 1
    assert await _rows(database, "select entry_id from entry") == [(winners[0],)]
    assert len(await _rows(database, "select form from entry_name")) == 1


async def test_of_concurrent_batches_with_one_form_exactly_one_row_wins(
    services: Services, database: Database
):
    async def batch(number: int) -> int:
        names = [f"team/Name-{i}" for i in range(20)]
        if number % 2:
            names = [name.upper() for name in reversed(names)]
        drafts = {
            row: draft(entry_id=f"b{number}-{row}", handle=name) for row, name in enumerate(names)
        }
        written, refused = await services.entries.register_many(EDITOR, drafts)
        assert {type(error) for error in refused.values()} <= {HandleTakenError}
        assert len(written) + len(refused) == 20
        return len(written)

    assert sum(await asyncio.gather(*map(batch, range(4)))) == 20
    assert len(await _rows(database, "select form from entry_name where until is null")) == 20


async def test_an_old_name_leads_to_the_entry_for_ever(services: Services, database: Database):
    first = await services.entries.register(EDITOR, draft(entry_id="e", handle="team/one"))
    second = await services.naming.rename(EDITOR, "e", "Two", expected_versions={1})
    third = await services.naming.transfer(EDITOR, "e", "OTHER")
    assert [entry.handle for entry in (first, second, third)] == [
        "team/one",
        "team/Two",
        "OTHER/Two",
    ]
    assert [entry.version for entry in (first, second, third)] == [1, 2, 3]
    assert len({entry.checksum_hex for entry in (first, second, third)}) == 3
    for name, is_alias in (("TEAM/ONE", True), ("team/two", True), ("other/two", False)):
        found = await services.naming.get(EDITOR, name)
        assert (found.entry_id, found.found_by.is_alias) == ("e", is_alias)
        assert found.found_by.canonical == "OTHER/Two"
    names = (await services.naming.list_names(EDITOR, "e")).items
    assert [(name.handle, name.current) for name in names] == [
        ("OTHER/Two", True),
        ("team/Two", False),
        ("team/one", False),
    ]
    # No other entry gets an old name, not even once this one is deleted.
    for _ in range(2):
        with pytest.raises(HandleTakenError):
            await services.entries.register(EDITOR, draft(handle="Team/One"))
        if _ == 0:
            await services.entries.delete(EDITOR, "e")
    await services.entries.undelete(EDITOR, "e")
    versions = await services.history.list_versions(EDITOR, "e")
    assert [version.handle for version in reversed(versions.items)] == [
        "team/one",
        "team/Two",
        "OTHER/Two",
        "OTHER/Two",
        "OTHER/Two",
    ]
    told = await _rows(
        database, "select action, detail from audit where target = 'e' order by audit_no"
    )
    assert told[1:3] == [
        ("entry.rename", {"from": "team/one", "to": "team/Two"}),
        ("entry.move", {"from": "team/Two", "to": "OTHER/Two"}),
    ]


async def test_an_entry_may_return_to_its_own_old_name(services: Services):
    await services.entries.register(EDITOR, draft(entry_id="e", handle="team/one"))
    await services.naming.rename(EDITOR, "e", "two")
    back = await services.naming.rename(EDITOR, "e", "ONE")
    assert back.handle == "team/ONE"
    names = (await services.naming.list_names(EDITOR, "e")).items
    assert [(name.handle, name.current) for name in names] == [
        ("team/ONE", True),
        ("team/two", False),
    ]


async def test_writing_a_name_another_way_keeps_one_name(services: Services):
    await services.entries.register(EDITOR, draft(entry_id="e", handle="team/one"))
    spelled = await services.naming.rename(EDITOR, "e", "One")
    assert (spelled.handle, spelled.version) == ("team/One", 2)
    same = await services.naming.rename(EDITOR, "e", "One")
    assert same.version == 2
    assert len((await services.naming.list_names(EDITOR, "e")).items) == 1


async def test_concurrent_renamings_to_one_name_leave_one_winner(services: Services):
    ids = [f"e{number}" for number in range(8)]
    for entry_id in ids:
        await services.entries.register(EDITOR, draft(entry_id=entry_id, handle=f"team/{entry_id}"))

    async def rename(entry_id: str) -> str | None:
        try:
            return (await services.naming.rename(EDITOR, entry_id, "Wanted")).handle
        except HandleTakenError:
            return None

    outcomes = await asyncio.gather(*map(rename, ids))
    assert [outcome for outcome in outcomes if outcome] == ["team/Wanted"]
    for entry_id, outcome in zip(ids, outcomes, strict=True):
        entry = await services.entries.get(EDITOR, entry_id)
        assert (entry.handle, entry.version) == (
            ("team/Wanted", 2) if outcome else (f"team/{entry_id}", 1)
        )


async def test_writing_an_entry_neither_changes_nor_loses_its_handle(services: Services):
    await services.entries.register(EDITOR, draft(entry_id="e", handle="team/one"))
    replaced = await services.entries.replace(EDITOR, "e", draft(title="New"))
    assert (replaced.handle, replaced.version) == ("team/one", 2)
    again = await services.entries.replace(EDITOR, "e", draft(title="New", handle="TEAM/ONE"))
    assert (again.handle, again.version) == ("team/one", 2)
    patched = await services.entries.patch(EDITOR, "e", {"title": "Newer"})
    assert (patched.handle, patched.version) == ("team/one", 3)
    for work in (
        services.entries.replace(EDITOR, "e", draft(handle="team/two")),
        services.entries.patch(EDITOR, "e", {"handle": "team/two"}),
        services.entries.patch(EDITOR, "e", {"handle": None}),
    ):
        with pytest.raises(HandleFixedError):
            await work
    await services.naming.rename(EDITOR, "e", "two")
    with pytest.raises(HandleFixedError):
        # Who has not heard of the renaming does not undo it.
        await services.entries.replace(EDITOR, "e", draft(handle="team/one"))
    first = await services.history.get_version(EDITOR, "e", 1)
    restored = await services.entries.restore(EDITOR, first)
    assert (restored.title, restored.handle) == ("Weather agent", "team/two")


async def test_an_entry_without_a_handle_gets_one_by_a_write_or_a_transfer(services: Services):
    await services.entries.register(EDITOR, draft(entry_id="a"))
    assert (await services.entries.patch(EDITOR, "a", {"handle": "team/a"})).handle == "team/a"
    await services.entries.register(EDITOR, draft(entry_id="b"))
    with pytest.raises(InvalidFieldError, match="no handle yet"):
        await services.naming.rename(EDITOR, "b", "b")
    with pytest.raises(InvalidFieldError, match="no handle yet"):
        await services.naming.transfer(EDITOR, "b", "team")
    moved = await services.naming.transfer(EDITOR, "b", "team", name="b")
    assert (moved.handle, moved.version) == ("team/b", 2)
    with pytest.raises(InvalidFieldError, match="use letters"):
        await services.naming.rename(EDITOR, "b", "b b")
    with pytest.raises(VersionConflictError):
        await services.naming.rename(EDITOR, "b", "c", expected_versions={1})


async def test_a_deleted_entry_registered_again_keeps_its_handle(services: Services):
    await services.entries.register(EDITOR, draft(entry_id="e", handle="team/one"))
    await services.entries.delete(EDITOR, "e")
    with pytest.raises(HandleNotFoundError):
        await services.naming.get(EDITOR, "team/one")
    with pytest.raises(HandleFixedError):
        await services.entries.register(EDITOR, draft(entry_id="e", handle="team/two"))
    again = await services.entries.register(EDITOR, draft(entry_id="e", title="Again"))
    assert (again.handle, again.title, again.version) == ("team/one", "Again", 3)
    assert (await services.entries.get(EDITOR, "e")).checksum_hex == again.checksum_hex
    await services.entries.delete(EDITOR, "e")
    outcome = await services.entries.upsert_many(EDITOR, {1: draft(entry_id="e", title="Third")})
    assert set(outcome.created) == {1}
    assert (await services.entries.get(EDITOR, "e")).handle == "team/one"


async def test_a_batch_gives_keeps_and_refuses_handles_row_by_row(services: Services):
    await services.entries.register(EDITOR, draft(entry_id="held", handle="team/held"))
    await services.entries.register(EDITOR, draft(entry_id="plain"))
    outcome = await services.entries.upsert_many(
        EDITOR,
        {
            1: draft(entry_id="new", handle="team/New"),
            2: draft(entry_id="twin", handle="TEAM/new"),
            3: draft(entry_id="thief", handle="team/HELD"),
            4: draft(entry_id="lost", handle="nowhere/x"),
            5: draft(entry_id="held", title="Changed"),
            6: draft(entry_id="plain", handle="team/plain"),
            7: draft(entry_id="free"),
        },
    )
    assert set(outcome.created) == {1, 7}
    assert set(outcome.updated) == {5, 6}
    assert {row: type(error) for row, error in outcome.refused.items()} == {
        2: HandleTakenError,
        3: HandleTakenError,
        4: UnknownNamespaceError,
    }
    handles = {id_: (await services.entries.get(EDITOR, id_)).handle for id_ in ("held", "plain")}
    assert handles == {"held": "team/held", "plain": "team/plain"}
    again = await services.entries.upsert_many(
        EDITOR,
        {
            1: draft(entry_id="held", title="Changed", handle="Team/HELD"),
            2: draft(entry_id="plain", handle="team/other"),
        },
    )
    assert set(again.unchanged) == {1}
    assert {row: type(error) for row, error in again.refused.items()} == {2: HandleFixedError}


async def test_names_of_hidden_entries_are_not_found_but_stay_theirs(services: Services):
    hidden = draft(
        entry_id="h",
        handle="team/secret",
        owner="ann",
        security={"visibility": "private"},
    )
    await services.entries.register(EDITOR, hidden)
    for read in (
        services.naming.get(VIEWER, "team/secret"),
        services.naming.list_names(VIEWER, "h"),
        services.naming.rename(EDITOR, "h", "mine"),
    ):
        with pytest.raises(RegistryError) as refused:
            await read
        assert refused.value.code in {"handle_not_found", "entry_not_found"}
    with pytest.raises(HandleTakenError):
        await services.entries.register(EDITOR, draft(handle="team/secret"))


async def test_a_namespace_has_one_name_an_owner_and_ends_only_when_empty(
    services: Services, database: Database
):
    made = await services.namespaces.create(EDITOR, NamespaceDraft(name="Größe"))
    assert (made.name, made.form) == ("Größe", "grösse")
    for way in ("GRÖSSE", "gro\u0308sse"):
        with pytest.raises(NamespaceExistsError):
            await services.namespaces.create(EDITOR, NamespaceDraft(name=way))
        assert (await services.namespaces.get(way)).name == "Größe"
    with pytest.raises(PermissionDeniedError):
        await services.namespaces.create(VIEWER, NamespaceDraft(name="mine"))
    _, token = await services.keys.create(ADMIN, "eve", Role.EDITOR)
    eve = await services.keys.authenticate(token)
    assert "namespace:grösse" in (eve.grants or [])
    changed = await services.namespaces.update(eve, "grösse", NamespaceContent(description="D"))
    assert changed.description == "D"
    with pytest.raises(PermissionDeniedError):
        await services.namespaces.update(eve, "team", NamespaceContent())
    await services.entries.register(eve, draft(entry_id="e", handle="größe/e"))
    await services.naming.transfer(eve, "e", "team")
    with pytest.raises(NamespaceInUseError):
        # It still holds the old name of the entry.
        await services.namespaces.delete(eve, "größe")
    await services.namespaces.delete(ADMIN, "other")
    with pytest.raises(NamespaceNotFoundError):
        await services.namespaces.get("other")
    with pytest.raises(NamespaceNotFoundError):
        await services.namespaces.delete(ADMIN, "other")
    assert [space.form for space in await services.namespaces.list_page()] == ["grösse", "team"]


async def test_an_id_that_lives_is_taken_whatever_the_handle(services: Services):
    await services.entries.register(EDITOR, draft(entry_id="e", handle="team/one"))
    for handle in (None, "team/one", "team/two"):
        with pytest.raises((EntryExistsError, HandleTakenError)):
            await services.entries.register(EDITOR, draft(entry_id="e", handle=handle))
    living: Entry = await services.entries.get(Principal("x", Role.VIEWER), "e")
    assert (living.version, living.handle) == (1, "team/one")
