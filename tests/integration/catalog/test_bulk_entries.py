import random
from contextlib import suppress

import pytest

from hyper_registry.catalog.limits import CatalogLimits
from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.errors.access import PermissionDeniedError
from hyper_registry.domain.errors.entry import EntryExistsError
from hyper_registry.domain.errors.input import (
    BulkRejectedError,
    InvalidFieldError,
    UnknownCategoryError,
)
from hyper_registry.domain.errors.types import StatusTransitionError
from hyper_registry.domain.principal import Principal
from hyper_registry.storage.database import Database
from tests.support.services import ADMIN, EDITOR, VIEWER, Services, build_services, draft
from tests.support.written_rows import Rows, clear, count, written_rows

PRIVATE = {"visibility": "private", "readers": ["user:somebody"]}


def _rich_draft(entry_id: str, chance: random.Random) -> EntryDraft:
    return draft(
        entry_id=entry_id,
        category=chance.choice(["agent", "model", "dataset"]),
        title=chance.choice(["Weather agent", 'Quoted "title"', "Naïve 日本 🦊", "back\\slash"]),
        description=chance.choice(["", "Tells the weather.\nIn two lines.", "tab\tand \x07 bell"]),
        status=chance.choice(["active", "draft"]),
        owner=chance.choice([None, "data-team", "eve"]),
        tags=chance.sample(["sky", "two words", "{brace,comma}", 'quo"te', "NULL", "é"], 3),
        metadata=chance.choice(
            [{}, {"n": None, "i": 2**63 - 1, "f": 0.1, "deep": [[{"k": "\\u0041"}], True]}]
        ),
        security=chance.choice([{}, {"visibility": "public"}, {"readers": ["group:a", "user:b"]}]),
    )


async def _upsert_singly(services: Services, drafts: list[EntryDraft]) -> None:
    """Register or replace one by one; of several of the same id the first counts."""
    for item in {item.entry_id: item for item in reversed(drafts)}.values():
        assert item.entry_id is not None
        try:
            await services.entries.register(EDITOR, item, request_id="r")
        except EntryExistsError:
            # What lives does not become a draft again, in a batch as little as alone.
            with suppress(StatusTransitionError):
                await services.entries.replace(EDITOR, item.entry_id, item, request_id="r")


async def _prepare(services: Services, drafts: list[EntryDraft], deleted: list[str]) -> None:
    for item in drafts:
        await services.entries.register(ADMIN, item)
    for entry_id in deleted:
        await services.entries.delete(ADMIN, entry_id)


@pytest.mark.parametrize("seed", range(6))
async def test_a_mixed_batch_leaves_the_rows_that_single_writes_leave(
    database: Database, seed: int
):
    services = build_services(database)
    chance = random.Random(seed)
    ids = [f"e{n:02}" for n in range(30)]
    before = [_rich_draft(entry_id, chance) for entry_id in chance.sample(ids, 20)]
    deleted = [item.entry_id or "" for item in before[:8]]
    batch = [_rich_draft(chance.choice(ids), chance) for _ in range(25)]
    batch += before[5:15]  # equal content, of deleted and of living entries
    chance.shuffle(batch)

    await _prepare(services, before, deleted)
    await _upsert_singly(services, batch)
    singly = await written_rows(database)
    await clear(database)
    await _prepare(services, before, deleted)
    living_before = {item.entry_id: item.checksum for item in before[8:]}
    outcome = await services.entries.upsert_many(
        EDITOR, dict(enumerate(batch, start=1)), request_id="r"
    )

    assert await written_rows(database) == singly
    first_rows = {item.entry_id: row for row, item in reversed([*enumerate(batch, start=1)])}
    assert outcome.created.keys() == {
        row for entry_id, row in first_rows.items() if entry_id not in living_before
    }
    assert outcome.unchanged.keys() == {
        row
        for entry_id, row in first_rows.items()
        if living_before.get(entry_id) == batch[row - 1].checksum
    }
    status_before = {item.entry_id: item.status for item in before[8:]}
    backwards = {
        row
        for entry_id, row in first_rows.items()
        if (status_before.get(entry_id), batch[row - 1].status) == ("active", "draft")
    }
    repeated = set(range(1, len(batch) + 1)) - set(first_rows.values())
    assert outcome.refused.keys() == repeated | backwards
    assert len(outcome.updated) == (
        len(batch) - len(outcome.created) - len(outcome.unchanged) - len(outcome.refused)
    )


async def test_what_a_batch_registers_reads_back_equal(database: Database):
    services = build_services(database)
    chance = random.Random(7)
    drafts = {row: _rich_draft(f"e{row}", chance) for row in range(1, 20)}
    drafts[20] = draft(title="Without an id")
    registered, refused = await services.entries.register_many(EDITOR, drafts)
    assert refused == {}
    assert sorted(registered) == list(range(1, 21))
    for row, entry in registered.items():
        assert await services.entries.get(ADMIN, entry.entry_id) == entry
        assert entry.checksum_hex == drafts[row].checksum.hex()


async def test_registration_revives_deleted_ids_and_leaves_living_ones(database: Database):
    services = build_services(database)
    await _prepare(services, [draft(entry_id="living"), draft(entry_id="deleted")], ["deleted"])
    drafts = {n: draft(entry_id=id_, title="New") for n, id_ in enumerate(["living", "deleted"])}
    registered, refused = await services.entries.register_many(EDITOR, drafts)
    assert {row: entry.version for row, entry in registered.items()} == {1: 3}
    assert [str(error) for error in refused.values()] == ["an entry 'living' exists already"]
    assert (await services.entries.get(VIEWER, "living")).title == "Weather agent"
    assert (await services.entries.get(VIEWER, "deleted")).created_by == "ada"


async def test_each_bad_row_gets_its_error_and_the_others_are_written(database: Database):
    services = build_services(database, CatalogLimits(title_characters=13))
    rows = {
        3: draft(entry_id="a", title="Far too long a title"),
        5: draft(entry_id="a"),
        7: draft(entry_id="a"),
        9: draft(entry_id="b", category="spaceship"),
    }
    registered, refused = await services.entries.register_many(EDITOR, rows)
    assert [(row, entry.entry_id) for row, entry in registered.items()] == [(5, "a")]
    assert {row: type(error) for row, error in refused.items()} == {
        3: InvalidFieldError,
        7: EntryExistsError,
        9: UnknownCategoryError,
    }


async def test_an_atomic_batch_with_a_bad_row_writes_nothing(database: Database):
    services = build_services(database)
    await _prepare(services, [draft(entry_id="a"), draft(entry_id="gone")], ["gone"])
    before = await written_rows(database)
    rows = {n: draft(entry_id=id_) for n, id_ in enumerate(["gone", "new", "a"], start=1)}
    with pytest.raises(BulkRejectedError) as caught:
        await services.entries.register_many(EDITOR, rows, atomic=True)
    assert caught.value.rejected == ((3, "entry_exists", "an entry 'a' exists already"),)
    assert await written_rows(database) == before


async def test_viewers_write_no_batch(database: Database):
    services = build_services(database)
    for attempt in (
        services.entries.register_many(VIEWER, {1: draft()}),
        services.entries.upsert_many(VIEWER, {1: draft()}),
    ):
        with pytest.raises(PermissionDeniedError):
            await attempt
    assert await count(database, "entry") == 0


@pytest.mark.parametrize("deleted", [True, False])
async def test_an_id_that_a_hidden_entry_has_is_taken_and_stays_what_it_is(
    database: Database, deleted: bool
):
    services = build_services(database)
    await services.entries.register(ADMIN, draft(entry_id="secret", security=PRIVATE))
    if deleted:
        await services.entries.delete(ADMIN, "secret")
    before: Rows = await written_rows(database)
    attempt = draft(entry_id="secret", title="Mine now")
    with pytest.raises(EntryExistsError):
        await services.entries.register(EDITOR, attempt)
    _, refused = await services.entries.register_many(EDITOR, {1: attempt})
    outcome = await services.entries.upsert_many(EDITOR, {1: attempt})
    for error in (refused[1], outcome.refused[1]):
        assert str(error) == "an entry 'secret' exists already"
    assert await written_rows(database) == before


@pytest.mark.parametrize("principal", [ADMIN, Principal("somebody", EDITOR.role)])
async def test_a_deleted_private_entry_lives_again_for_whom_it_was_shared_with(
    database: Database, principal: Principal
):
    services = build_services(database)
    for entry_id in ("one", "many"):
        await services.entries.register(ADMIN, draft(entry_id=entry_id, security=PRIVATE))
        await services.entries.delete(ADMIN, entry_id)
    assert (await services.entries.register(principal, draft(entry_id="one"))).version == 3
    registered, _ = await services.entries.register_many(principal, {1: draft(entry_id="many")})
    assert registered[1].version == 3


async def test_a_batch_larger_than_one_statement_is_written_whole(database: Database):
    services = build_services(database)
    text = "weather " * 12_000
    drafts = {n: draft(entry_id=f"e{n:03}", description=text) for n in range(200)}
    registered, _ = await services.entries.register_many(EDITOR, drafts)
    assert len(registered) == 200
    again = await services.entries.upsert_many(EDITOR, drafts)
    assert len(again.unchanged) == 200
    assert await count(database, "change") == 200
