import asyncio
import random
from collections.abc import Sequence

import asyncpg
import pytest

from hyper_registry.catalog.limits import CatalogLimits
from hyper_registry.catalog.source_import import ImportProgress, ImportStage
from hyper_registry.catalog.sources.source import BadRow, SourceItem
from hyper_registry.domain.errors.access import PermissionDeniedError
from hyper_registry.domain.errors.input import SourceUnavailableError
from hyper_registry.domain.errors.service import DatabaseUnavailableError
from hyper_registry.storage.database import Database
from tests.support.listed_source import ListedSource, item
from tests.support.services import ADMIN, EDITOR, VIEWER, build_services, draft
from tests.support.written_rows import clear, count, written_rows


def _chain(size: int, title: str = "Part") -> list[SourceItem]:
    """Items of which each depends on the next and on the first; the last links dangle."""
    return [
        item(
            n,
            {"rel_type": "depends_on", "target_id": f"part{n + 1}", "weight": 0.5},
            {"rel_type": "uses", "target_id": "part0" if n else "absent", "bidirectional": True},
            entry_id=f"part{n}",
            title=f"{title} {n}",
            metadata={"n": n},
        )
        for n in range(size)
    ]


def _counts(outcome: object) -> dict[str, object]:
    names = ("created", "updated", "unchanged", "related", "related_before", "dangling")
    return {name: value for name in names if (value := getattr(outcome, name))}


async def _terminate_what_waits_for_a_lock(operator: asyncpg.Connection) -> None:
    for _ in range(3_000):
        terminated = await operator.fetchval(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity"
            " where datname = current_database() and wait_event_type = 'Lock'"
        )
        if terminated:
            return
        await asyncio.sleep(0.01)
    pytest.fail("nothing came to wait for the lock")


async def test_entries_and_links_are_written_and_a_second_import_changes_nothing(
    database: Database,
):
    services = build_services(database)
    source = ListedSource(_chain(2_500))
    first = await services.bulk.import_source(EDITOR, source)
    assert _counts(first) == {"created": 2_500, "related": 4_998, "dangling": 2}
    written = await written_rows(database)
    assert len(written["change"]) == 2_500 + 4_998
    again = await services.bulk.import_source(EDITOR, source)
    assert _counts(again) == {"unchanged": 2_500, "related_before": 4_998, "dangling": 2}
    assert await written_rows(database) == written


async def test_weight_direction_and_metadata_of_links_are_kept(database: Database):
    services = build_services(database)
    links = (
        {"rel_type": "uses", "target_id": "b", "weight": 0.25, "bidirectional": True},
        {"rel_type": "calls", "target_id": "b", "metadata": {"why": ["x", None, 0.1]}},
        {"rel_type": "owns", "target_id": "b", "weight": 1e-300},
    )
    source = ListedSource([item(1, *links, entry_id="a"), item(2, entry_id="b")])
    await services.bulk.import_source(EDITOR, source)
    related = await services.relationships.list_of(VIEWER, "a")
    found = {
        r.relationship.rel_type: (
            r.relationship.weight,
            r.relationship.bidirectional,
            r.relationship.metadata,
        )
        for r in related
    }
    assert found == {
        "uses": (0.25, True, {}),
        "calls": (1.0, False, {"why": ["x", None, 0.1]}),
        "owns": (0.0, False, {}),
    }


async def test_changed_items_are_replaced_and_deleted_ones_live_again(database: Database):
    services = build_services(database)
    await services.bulk.import_source(EDITOR, ListedSource(_chain(4)))
    await services.entries.delete(EDITOR, "part3")
    changed = [*_chain(2), *_chain(4, "Changed")[2:], *_chain(6)[4:]]
    outcome = await services.bulk.import_source(EDITOR, ListedSource(changed))
    assert (outcome.created, outcome.updated, outcome.unchanged) == (3, 1, 2)
    versions = [(await services.entries.get(VIEWER, f"part{n}")).version for n in range(6)]
    assert versions == [1, 1, 2, 3, 1, 1]
    assert (await services.entries.get(VIEWER, "part2")).title == "Changed 2"


async def test_bad_rows_are_named_by_their_place_in_the_source_and_the_rest_goes_on(
    database: Database,
):
    services = build_services(database, CatalogLimits(title_characters=20))
    await services.entries.register(
        ADMIN, draft(entry_id="hidden", security={"visibility": "private"})
    )
    link = {"rel_type": "uses", "target_id": "good"}
    rows: Sequence[SourceItem | BadRow] = [
        item(10, link, entry_id="long", title="x" * 21),
        BadRow(20, "is no JSON"),
        item(30, link, entry_id="odd", category="spaceship"),
        item(40, entry_id="good"),
        item(50, link, entry_id="good", title="Another"),
        item(60, link, entry_id="hidden"),
        item(70, entry_id=None, title="Nameless"),
        item(80, entry_id=None, title="Nameless"),
        item(90, link, {"rel_type": "uses", "target_id": "hidden"}, entry_id="last"),
    ]
    outcome = await services.bulk.import_source(EDITOR, ListedSource(rows))
    assert [(bad.row, bad.reason) for bad in outcome.bad_rows] == [
        (10, "title: 21 characters are above the limit of 20"),
        (20, "is no JSON"),
        (30, "unknown category 'spaceship'"),
        (50, "has the entry_id 'good' of row 40; keep one of the two"),
        (60, "an entry 'hidden' exists already"),
        (80, "is the entry of row 70; keep one of the two"),
    ]
    assert _counts(outcome) == {"created": 3, "related": 1, "dangling": 1}


async def test_items_without_ids_are_found_again(database: Database):
    services = build_services(database)
    source = ListedSource([item(n, entry_id=None, title=f"Nameless {n}") for n in range(5)])
    assert _counts(await services.bulk.import_source(EDITOR, source)) == {"created": 5}
    assert _counts(await services.bulk.import_source(EDITOR, source)) == {"unchanged": 5}


async def test_an_import_that_failed_in_the_middle_goes_on_where_it_stopped(database: Database):
    services = build_services(database)
    whole = ListedSource(_chain(3_500))
    await services.bulk.import_source(EDITOR, whole)
    at_once = await written_rows(database)
    await clear(database)
    with pytest.raises(SourceUnavailableError, match="the disk was pulled"):
        await services.bulk.import_source(EDITOR, ListedSource(whole.rows[:2_400], broken=True))
    assert await count(database, "entry") == 2_000
    assert await count(database, "entry_version") == 0
    assert await count(database, "audit") == 2
    resumed = await services.bulk.import_source(EDITOR, whole)
    assert (resumed.created, resumed.unchanged) == (1_500, 2_000)
    assert await written_rows(database) == at_once


async def test_a_lost_connection_ends_an_import_with_its_error_and_another_completes_it(
    database: Database, dsn: str
):
    services = build_services(database)
    source = ListedSource(_chain(1_200))
    operator = await asyncpg.connect(dsn)
    try:
        async with operator.transaction():
            await operator.execute("lock table entry")
            importing = asyncio.create_task(services.bulk.import_source(EDITOR, source))
            await _terminate_what_waits_for_a_lock(operator)
            with pytest.raises(DatabaseUnavailableError):
                await importing
    finally:
        await operator.close()
    outcome = await services.bulk.import_source(EDITOR, source)
    assert _counts(outcome) == {"created": 1_200, "related": 2_398, "dangling": 2}


async def test_imports_of_the_same_source_at_once_end_as_one_does(database: Database):
    services = build_services(database)
    rows = _chain(2_200)
    await services.bulk.import_source(EDITOR, ListedSource(rows))
    alone = await written_rows(database)
    await clear(database)
    shuffled = [random.Random(seed).sample(rows, len(rows)) for seed in range(3)]
    outcomes = await asyncio.gather(
        *(services.bulk.import_source(EDITOR, ListedSource(order)) for order in shuffled)
    )
    assert sum(outcome.created for outcome in outcomes) == 2_200
    assert sum(outcome.unchanged for outcome in outcomes) == 2 * 2_200
    assert sum(outcome.related for outcome in outcomes) == 4_398
    assert sum(outcome.dangling for outcome in outcomes) == 3 * 2
    assert await written_rows(database) == alone


async def test_imports_that_overwrite_each_other_do_not_block_each_other(database: Database):
    services = build_services(database)
    forth, back = _chain(1_500, "Forth"), _chain(1_500, "Back")[::-1]
    await asyncio.gather(
        *(services.bulk.import_source(EDITOR, ListedSource(rows)) for rows in (forth, back) * 2)
    )
    written = await written_rows(database)
    assert len(written["entry"]) == 1_500
    assert len(written["relationship"]) == 2_998
    superseded = len(written["entry_version"])
    assert len(written["change"]) == 1_500 + superseded + 2_998


async def test_a_viewer_imports_nothing_and_the_source_is_not_read(database: Database):
    services = build_services(database)
    with pytest.raises(PermissionDeniedError):
        await services.bulk.import_source(VIEWER, ListedSource([], broken=True))


async def test_progress_is_told_for_each_stage_up_to_its_end(database: Database):
    services = build_services(database)
    told: list[ImportProgress] = []
    await services.bulk.import_source(EDITOR, ListedSource(_chain(1_200)), on_progress=told.append)
    entries = [(step.done, step.total) for step in told if step.stage is ImportStage.ENTRIES]
    links = [(step.done, step.total) for step in told if step.stage is ImportStage.LINKS]
    assert entries == [(0, 1_200), (1_000, 1_200), (1_200, 1_200), (1_200, 1_200)]
    assert links == [(0, 2_400), (2_400, 2_400)]
    assert [step.stage for step in told] == [ImportStage.ENTRIES] * 4 + [ImportStage.LINKS] * 2
