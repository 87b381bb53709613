"""When the client sends a request again."""

import itertools

import httpx
import pytest

from hyper_registry.client import remote
from hyper_registry.client.remote import RemoteBackend
from hyper_registry.client.repeating import Attempt, pause_before_repeating
from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.errors.service import ServerUnavailableError

DRAFT = EntryDraft(category="agent", title="A")
OK = httpx.Response(200, json={"status": "ok"})


@pytest.mark.parametrize(
    ("attempt", "pause_s"),
    [
        (Attempt(1, True), 0.1),
        (Attempt(3, True), 0.4),
        (Attempt(4, True), None),
        (Attempt(1, False), None),
        (Attempt(1, True, 503, "3"), 3),
        (Attempt(1, True, 503), None),
        (Attempt(1, False, 503, "3"), None),
        (Attempt(1, False, 429, "3"), 3),
        (Attempt(1, True, 429, "60"), None),
        (Attempt(1, True, 429, "Wed, 21 Oct 2026 07:28:00 GMT"), None),
        (Attempt(1, True, 429, "²"), None),
        (Attempt(4, True, 429, "1"), None),
    ],
)
def test_a_request_is_repeated_only_where_that_is_safe_and_may_help(
    attempt: Attempt, pause_s: float | None
):
    assert pause_before_repeating(attempt) == pause_s


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []

    async def sleep(delay_s: float) -> None:
        slept.append(delay_s)

    monkeypatch.setattr(remote.asyncio, "sleep", sleep)
    return slept


def _problem(status: int, **headers: str) -> httpx.Response:
    content = b'{"code": "rate_limited", "detail": "too many", "remedy": "Wait."}'
    kind = {"Content-Type": "application/problem+json"}
    return httpx.Response(status, content=content, headers=kind | headers)


async def test_a_write_is_repeated_under_one_key(pauses: list[float]):
    keys: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return OK
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) == 1:
            raise httpx.ReadTimeout("gone")
        return _problem(429, **{"Retry-After": "2"}) if len(keys) == 2 else _problem(422)

    backend = RemoteBackend("http://registry", None, transport=httpx.MockTransport(answer))
    await backend.start()
    with pytest.raises(RegistryError):
        await backend.register(DRAFT, wait_embedded=False)
    with pytest.raises(RegistryError):
        await backend.register(DRAFT, wait_embedded=False)
    await backend.close()
    assert pauses == [0.1, 2]
    assert len(keys) == 4
    assert len(set(keys[:3])) == 1
    assert keys[3] != keys[0]


async def test_a_replacement_is_not_sent_twice(pauses: list[float]):
    sent = itertools.count()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return OK
        next(sent)
        raise httpx.ReadTimeout("gone")

    backend = RemoteBackend("http://registry", None, transport=httpx.MockTransport(answer))
    await backend.start()
    with pytest.raises(ServerUnavailableError):
        await backend.replace("a", DRAFT, expected_version=1)
    await backend.close()
    assert (next(sent), pauses) == (1, [])
