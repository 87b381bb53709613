"""A request with an idempotency key is carried out once, whatever ends in the middle of it."""

import asyncio

import pytest

from hyper_registry.domain.errors.entry import EntryNotFoundError
from hyper_registry.domain.errors.request import (
    IdempotencyKeyReusedError,
    RequestInProgressError,
    RequestTakenOverError,
    UnkeptAnswerError,
)
from hyper_registry.security.idempotency import ClaimedRequest, IdempotencyService
from hyper_registry.storage.database import Database
from hyper_registry.storage.idempotency_store import IdempotencyStore, KeptAnswer
from tests.support.services import EDITOR, build_services, draft

ANSWER = KeptAnswer(201, {"content-type": "application/json"}, b"{}")


def _service(
    database: Database, *, lease_s: float = 60, kept_s: float = 3600
) -> IdempotencyService:
    return IdempotencyService(
        database, IdempotencyStore(), lease_s=lease_s, kept_s=kept_s, answer_bytes=1000
    )


async def _claim(service: IdempotencyService, body: bytes = b"x") -> ClaimedRequest:
    claimed = await service.claim("key:a", "POST /entries", "k", body)
    assert isinstance(claimed, ClaimedRequest)
    return claimed


async def test_an_answer_is_given_again_to_the_same_request_alone(database: Database):
    service = _service(database)
    await service.complete(await _claim(service), ANSWER)
    assert await service.claim("key:a", "POST /entries", "k", b"x") == ANSWER
    with pytest.raises(IdempotencyKeyReusedError):
        await service.claim("key:a", "POST /entries", "k", b"y")
    for other in (
        ("key:b", "POST /entries", "k"),
        ("key:a", "POST /relationships", "k"),
        ("key:a", "POST /entries", "l"),
    ):
        assert isinstance(await service.claim(*other, b"x"), ClaimedRequest)


async def test_of_many_at_a_time_one_is_carried_out(database: Database):
    service = _service(database)
    outcomes = await asyncio.gather(
        *(service.claim("key:a", "POST /entries", "k", b"x") for _ in range(8)),
        return_exceptions=True,
    )
    kinds = sorted(type(outcome).__name__ for outcome in outcomes)
    assert kinds == ["ClaimedRequest", *["RequestInProgressError"] * 7]


async def test_who_ended_before_it_wrote_is_replaced(database: Database):
    dead = _service(database, lease_s=-1)
    await _claim(dead)
    service = _service(database)
    with pytest.raises(IdempotencyKeyReusedError):
        await service.claim("key:a", "POST /entries", "k", b"another")
    await _claim(service)
    with pytest.raises(RequestInProgressError):
        await service.claim("key:a", "POST /entries", "k", b"x")


async def test_who_ended_after_it_wrote_is_not_repeated(database: Database):
    entries = build_services(database).entries
    dead = _service(database, lease_s=-1)
    with dead.writing(await _claim(dead)):
        await entries.register(EDITOR, draft(entry_id="a"))
    with pytest.raises(UnkeptAnswerError):
        await _service(database).claim("key:a", "POST /entries", "k", b"x")


async def test_who_was_taken_over_cannot_commit(database: Database):
    entries = build_services(database).entries
    slow = _service(database, lease_s=-1)
    first = await _claim(slow)
    service = _service(database)
    second = await _claim(service)
    with slow.writing(first), pytest.raises(RequestTakenOverError):
        await entries.register(EDITOR, draft(entry_id="a"))
    with pytest.raises(EntryNotFoundError):
        await entries.get(EDITOR, "a")
    with service.writing(second):
        await entries.register(EDITOR, draft(entry_id="a"))
    assert (await entries.get(EDITOR, "a")).version == 1


async def test_what_has_written_nothing_is_released_and_what_has_is_not(database: Database):
    service = _service(database)
    await service.release(await _claim(service))
    claimed = await _claim(service)
    with service.writing(claimed):
        await build_services(database).entries.register(EDITOR, draft(entry_id="a"))
    await service.release(claimed)
    with pytest.raises(RequestInProgressError):
        await service.claim("key:a", "POST /entries", "k", b"x")


async def test_records_end_and_are_deleted(database: Database):
    brief = _service(database, kept_s=-1)
    await brief.complete(await _claim(brief), ANSWER)
    lasting = _service(database)
    await lasting.complete(await _claim(lasting, b"other"), ANSWER)
    await brief.claim("key:b", "POST /entries", "k", b"x")
    await lasting.clean()
    async with database.connection() as connection:
        assert await connection.fetchval("select count(*) from idempotency") == 1
