from datetime import UTC, datetime

import pytest

from hyper_registry.domain.entry import Entry
from hyper_registry.domain.errors.access import PermissionDeniedError
from hyper_registry.domain.errors.entry import EntryNotFoundError, VersionConflictError
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.lifecycle import SunsetEntry
from hyper_registry.storage.database import Database
from tests.support.services import ADMIN, EDITOR, VIEWER, Services, build_services, draft

NOW = datetime(2026, 6, 1, tzinfo=UTC)


async def _deprecated(services: Services, entry_id: str, sunset: str, **fields: object) -> Entry:
    deprecation = {"sunset": sunset, "successor": "next", "note": "Use the next one."}
    return await services.entries.register(
        ADMIN,
        draft(entry_id=entry_id, status="deprecated", deprecation=deprecation, **fields),
    )


async def test_a_deprecation_reads_back_however_it_is_written(database: Database):
    services = build_services(database)
    written = await _deprecated(services, "a", "2026-01-01T01:00:00+01:00")
    read = await services.entries.get(VIEWER, "a")
    assert read == written
    assert read.deprecation is not None
    assert read.deprecation.sunset == datetime(2026, 1, 1, tzinfo=UTC)
    again = draft(
        entry_id="b", status="deprecated", deprecation=read.deprecation.model_dump(mode="json")
    )
    await services.entries.register_many(EDITOR, {1: again})
    assert (await services.entries.get(VIEWER, "b")).deprecation == read.deprecation
    outcome = await services.entries.upsert_many(EDITOR, {1: again})
    assert outcome.unchanged == {1: "b"}
    back = draft(entry_id="b")
    await services.entries.upsert_many(EDITOR, {1: back})
    assert (await services.entries.get(VIEWER, "b")).deprecation is None


async def test_only_what_is_deprecated_or_archived_tells_of_a_deprecation(database: Database):
    services = build_services(database)
    with pytest.raises(InvalidFieldError, match="active is not deprecated"):
        await services.entries.register(EDITOR, draft(deprecation={"successor": "next"}))


async def test_entries_past_their_sunset_are_listed_page_by_page(database: Database):
    services = build_services(database)
    for number in range(5):
        await _deprecated(services, f"e{number}", f"2026-01-0{number // 2 + 1}T00:00:00Z")
    await _deprecated(services, "later", "2026-07-01T00:00:00Z")
    await _deprecated(services, "owned", "2026-01-01T00:00:00Z", owner="ann")
    await _deprecated(
        services, "hidden", "2026-01-01T00:00:00Z", security={"visibility": "private"}
    )
    await _deprecated(services, "gone", "2026-01-01T00:00:00Z")
    await services.entries.delete(ADMIN, "gone")
    seen: list[SunsetEntry] = []
    after = ("", "")
    while page := await services.lifecycle.past_sunset(VIEWER, NOW, after, limit=2):
        seen += page
        last = page[-1].model_dump(mode="json")
        after = (last["deprecation"]["sunset"], last["entry_id"])
    assert [item.entry_id for item in seen] == ["e0", "e1", "owned", "e2", "e3", "e4"]
    mine = await services.lifecycle.past_sunset(VIEWER, NOW, owner="ann")
    assert [item.entry_id for item in mine] == ["owned"]


async def test_an_entry_is_handed_to_another_owner(database: Database):
    services = build_services(database)
    private = draft(entry_id="a", owner="eve", security={"visibility": "private"})
    await services.entries.register(EDITOR, private)
    with pytest.raises(EntryNotFoundError):
        await services.entries.get(VIEWER, "a")
    with pytest.raises(VersionConflictError):
        await services.lifecycle.transfer(EDITOR, "a", "vic", expected_versions={7})
    with pytest.raises(PermissionDeniedError):
        await services.lifecycle.transfer(VIEWER, "a", "vic")
    given = await services.lifecycle.transfer(EDITOR, "a", "vic", note="moved", request_id="r")
    assert (given.owner, given.version) == ("vic", 2)
    assert (await services.entries.get(VIEWER, "a")).owner == "vic"
    with pytest.raises(EntryNotFoundError):
        await services.lifecycle.transfer(EDITOR, "a", "eve")
    async with database.connection() as connection:
        rows = await connection.fetch(
            "select action, request_id, detail from audit order by audit_no offset 1"
        )
    assert [tuple(row) for row in rows] == [
        ("entry.update", "r", {}),
        ("entry.transfer", "r", {"from": "eve", "to": "vic", "note": "moved"}),
    ]


async def test_to_hand_an_entry_to_its_owner_changes_nothing(database: Database):
    services = build_services(database)
    await services.entries.register(EDITOR, draft(entry_id="a", owner="eve"))
    assert (await services.lifecycle.transfer(EDITOR, "a", "eve")).version == 1
