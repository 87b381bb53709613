import asyncio

import pytest

from hyper_registry.catalog.limits import CatalogLimits
from hyper_registry.domain.errors.access import PermissionDeniedError
from hyper_registry.domain.errors.entry import (
    EntryExistsError,
    EntryNotFoundError,
    VersionConflictError,
)
from hyper_registry.domain.errors.input import InvalidFieldError, UnknownCategoryError
from hyper_registry.storage.database import Database
from tests.support.services import ADMIN, EDITOR, VIEWER, build_services, draft


async def _count(database: Database, table: str) -> int:
    async with database.connection() as connection:
        return await connection.fetchval(f"select count(*) from {table}")


async def test_a_registered_entry_reads_back_equal(database: Database):
    services = build_services(database)
    written = await services.entries.register(
        EDITOR,
        draft(
            entry_id="team.weather",
            description="Tells the weather.\nIn two lines.",
            owner="data-team",
            tags=["sky", "sky", "rain"],
            metadata={"capabilities": ["forecast"], "cost": 0.25, "none": None},
        ),
    )
    read = await services.entries.get(VIEWER, "team.weather")
    assert read == written
    assert read.tags == ("sky", "rain")
    assert read.metadata == {"capabilities": ["forecast"], "cost": 0.25, "none": None}
    assert (read.version, read.created_by, read.embedded) == (1, "eve", False)


async def test_each_write_leaves_what_it_superseded_a_change_and_an_audit_row(database: Database):
    services = build_services(database)
    await services.entries.register(EDITOR, draft(entry_id="a"), request_id="r1")
    await services.entries.replace(EDITOR, "a", draft(title="Renamed"))
    await services.entries.delete(EDITOR, "a")
    async with database.connection() as connection:
        versions = await connection.fetch(
            "select version, title, deleted, actor from entry_version order by 1"
        )
        changes = await connection.fetch(
            "select operation, version, subject_id from change order by change_no"
        )
        audits = await connection.fetch(
            "select action, request_id, before_hash is null as fresh from audit order by audit_no"
        )
    assert [tuple(row) for row in versions] == [
        (1, "Weather agent", False, "eve"),
        (2, "Renamed", False, "eve"),
    ]
    assert [tuple(row) for row in changes] == [
        ("create", 1, "a"),
        ("update", 2, "a"),
        ("delete", 3, "a"),
    ]
    assert [tuple(row) for row in audits] == [
        ("entry.create", "r1", True),
        ("entry.update", None, False),
        ("entry.delete", None, False),
    ]


async def test_an_unchanged_replacement_writes_nothing(database: Database):
    services = build_services(database)
    await services.entries.register(EDITOR, draft(entry_id="a"))
    again = await services.entries.replace(EDITOR, "a", draft())
    assert again.version == 1
    assert await _count(database, "change") == 1


async def test_a_living_id_is_not_registered_twice(database: Database):
    services = build_services(database)
    await services.entries.register(EDITOR, draft(entry_id="a"))
    with pytest.raises(EntryExistsError, match="'a' exists already"):
        await services.entries.register(EDITOR, draft(entry_id="a", title="Other"))
    assert (await services.entries.get(VIEWER, "a")).title == "Weather agent"
    assert await _count(database, "audit") == 1


async def test_a_deleted_entry_is_gone_and_lives_again_with_its_history(database: Database):
    services = build_services(database)
    await services.entries.register(EDITOR, draft(entry_id="a"))
    await services.entries.delete(EDITOR, "a")
    with pytest.raises(EntryNotFoundError):
        await services.entries.get(ADMIN, "a")
    again = await services.entries.register(EDITOR, draft(entry_id="a", title="Back"))
    assert again.version == 3
    assert await _count(database, "entry_version") == 2


async def test_an_unknown_category_names_the_known_ones(database: Database):
    services = build_services(database)
    with pytest.raises(UnknownCategoryError) as caught:
        await services.entries.register(EDITOR, draft(category="spaceship"))
    assert "agent" in caught.value.remedy
    assert len(caught.value.known) == 26
    assert await _count(database, "entry") == 0


async def test_a_field_above_its_limit_is_named_and_nothing_is_written(database: Database):
    services = build_services(database, CatalogLimits(title_characters=5))
    with pytest.raises(InvalidFieldError, match="title: 13 characters are above the limit of 5"):
        await services.entries.register(EDITOR, draft())
    assert await _count(database, "entry") == 0


async def test_viewers_write_nothing(database: Database):
    services = build_services(database)
    await services.entries.register(EDITOR, draft(entry_id="a"))
    with pytest.raises(PermissionDeniedError):
        await services.entries.register(VIEWER, draft())
    with pytest.raises(PermissionDeniedError):
        await services.entries.replace(VIEWER, "a", draft())
    with pytest.raises(PermissionDeniedError):
        await services.entries.delete(VIEWER, "a")


async def test_a_private_entry_is_absent_for_whom_it_is_not_shared_with(database: Database):
    services = build_services(database)
    private = {"visibility": "private", "readers": ["user:vic"]}
    await services.entries.register(ADMIN, draft(entry_id="secret", security=private))
    assert (await services.entries.get(VIEWER, "secret")).title == "Weather agent"
    for attempt in (
        services.entries.get(EDITOR, "secret"),
        services.entries.replace(EDITOR, "secret", draft()),
        services.entries.delete(EDITOR, "secret"),
    ):
        with pytest.raises(EntryNotFoundError):
            await attempt


async def test_bulk_requests_that_share_ids_in_opposite_orders_do_not_block_each_other(
    database: Database,
):
    services = build_services(database)
    drafts = [draft(entry_id=f"e{n:02}") for n in range(30)]
    forth = dict(enumerate(drafts, start=1))
    back = dict(enumerate(reversed(drafts), start=1))
    outcomes = await asyncio.gather(
        *(services.entries.register_many(EDITOR, rows) for rows in (forth, back) * 3)
    )
    assert sum(len(registered) for registered, _ in outcomes) == 30
    assert sum(len(refused) for _, refused in outcomes) == 150
    assert await _count(database, "entry") == 30


async def test_of_writers_who_expect_the_same_version_one_wins(database: Database):
    services = build_services(database)
    await services.entries.register(EDITOR, draft(entry_id="a"))
    outcomes = await asyncio.gather(
        *(
            services.entries.replace(EDITOR, "a", draft(title=f"T{n}"), expected_versions={1})
            for n in range(8)
        ),
        return_exceptions=True,
    )
    won = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    lost = [outcome for outcome in outcomes if isinstance(outcome, VersionConflictError)]
    assert (len(won), len(lost)) == (1, 7)
    assert (await services.entries.get(VIEWER, "a")).title == won[0].title
