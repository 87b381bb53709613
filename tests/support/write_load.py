"""Writers over HTTP that note what was acknowledged, and a look at what is left of their writes.

Each write has a request id of its own, which the audit log keeps, and says beforehand what it does:
so one that nobody answered is still found, whole, in part or not at all.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import uuid4

import httpx

from serve_app.route_policies import PREFIX
from tests.support.api_process import until_healthy
from tests.support.waiting import until

WRITER = "eve"
_MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}
_MARKER = "all-written"


class Effect(NamedTuple):
    """One change that a write makes; of a relationship, `name` is ``SOURCE>TARGET``."""

    subject: str
    name: str
    version: int
    operation: str


MARKED = Counter({Effect("entry", _MARKER, 1, "create"): 1})
"""What the change feed tells last, when all others are done."""


@dataclass(eq=False)
class Write:
    """One request that writes.

    Attributes
    ----------
    acknowledged
        Whether it was answered that the write was carried out.
    repeated
        Answers that say it was carried out before, if it is sent again.
    """

    method: str
    path: str
    body: Any
    effects: tuple[Effect, ...]
    headers: dict[str, str] = field(default_factory=dict)
    repeated: frozenset[int] = frozenset()
    request_id: str = field(default_factory=lambda: uuid4().hex)
    acknowledged: bool = False

    async def send(self, client: httpx.AsyncClient) -> httpx.Response:
        """Send it, the first time or again."""
        names = {"X-Request-Id": self.request_id, "Idempotency-Key": self.request_id}
        return await client.request(
            self.method,
            PREFIX + self.path,
            json=self.body,
            headers=names | self.headers,
        )


def _writes_about(name: str) -> list[Write]:
    """Return writes of every kind about one new entry, each of which needs those before it."""
    one, other = f"{name}-a", f"{name}-b"
    return [
        Write("POST", "/entries", _draft(name), (Effect("entry", name, 1, "create"),)),
        Write(
            "PATCH",
            f"/entries/{name}",
            {"title": f"{name} at 2"},
            (Effect("entry", name, 2, "update"),),
            {"If-Match": '"1"'} | _MERGE_PATCH,
            frozenset({412}),
        ),
        Write(
            "POST",
            "/bulk/register",
            {"entries": [_draft(one), _draft(other)], "atomic": True},
            tuple(Effect("entry", each, 1, "create") for each in (one, other)),
        ),
        Write(
            "POST",
            "/relationships",
            {"source_id": name, "target_id": one, "rel_type": "calls"},
            (Effect("relationship", f"{name}>{one}", 1, "create"),),
        ),
        Write(
            "DELETE",
            f"/entries/{other}",
            None,
            (Effect("entry", other, 2, "delete"),),
            {"If-Match": '"1"'},
            frozenset({404}),
        ),
    ]


def _draft(name: str) -> dict[str, Any]:
    return {"entry_id": name, "category": "agent", "title": f"{name} at 1"}


class WriteLoad:
    """Writers that go on through every outage; a write that fails is left as it is.

    Parameters
    ----------
    urls
        Addresses of APIs of one registry, among which the writers are divided.
    outages
        Statuses that say nothing of whether a request was carried out; a proxy has its own.
    """

    def __init__(
        self,
        urls: Sequence[str],
        token: str,
        *,
        writers: int = 8,
        outages: Collection[int] = (503,),
    ) -> None:
        self._urls = urls
        self._authorization = {"Authorization": f"Bearer {token}"}
        self._writers = writers
        self._outages = outages
        self._stopping = False
        self.writes: list[Write] = []
        self.followed: list[dict[str, Any]] = []

    @property
    def acknowledged(self) -> int:
        """How many writes were acknowledged."""
        return sum(write.acknowledged for write in self.writes)

    @property
    def unanswered(self) -> list[Write]:
        """Writes of which nobody knows whether they were carried out."""
        return [write for write in self.writes if not write.acknowledged]

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Let all write, and one read the change feed, until the end of the block."""
        async with asyncio.TaskGroup() as tasks:
            writers = [tasks.create_task(self._write(number)) for number in range(self._writers)]
            follower = tasks.create_task(self._follow())
            try:
                yield
            finally:
                self._stopping = True
            await asyncio.wait(writers)
            await self._until_followed()
            follower.cancel()

    async def until_acknowledged(self, more: int) -> None:
        """Wait until so many more writes were acknowledged."""
        wanted = self.acknowledged + more

        async def enough() -> bool:
            return self.acknowledged >= wanted

        await until(enough, limit_s=60)

    def _client(self, number: int = 0) -> httpx.AsyncClient:
        url = self._urls[number % len(self._urls)]
        return httpx.AsyncClient(base_url=url, headers=self._authorization, timeout=60)

    async def _write(self, number: int) -> None:
        turn = 0
        async with self._client(number) as client:
            while not self._stopping:
                turn += 1
                for write in _writes_about(f"w{number}-{turn}"):
                    if not await self._send(client, write):
                        await until_healthy(str(client.base_url))
                        break
                    if self._stopping:
                        break

    async def _send(self, client: httpx.AsyncClient, write: Write) -> bool:
        self.writes.append(write)
        try:
            answer = await write.send(client)
        except httpx.TransportError:
            return False
        assert answer.is_success or answer.status_code in self._outages, (write, answer.text)
        write.acknowledged = answer.is_success
        return write.acknowledged

    async def _follow(self) -> None:
        cursor: str | None = None
        async with self._client() as client:
            while True:
                query = {"wait_s": 0.2} | ({} if cursor is None else {"after": cursor})
                try:
                    answer = await client.get(f"{PREFIX}/changes", params=query)
                except httpx.TransportError:
                    await until_healthy(str(client.base_url))
                    continue
                if answer.status_code in self._outages:
                    await until_healthy(str(client.base_url))
                    continue
                page = answer.raise_for_status().json()
                self.followed += page["items"]
                cursor = page["next_cursor"]

    async def _until_followed(self) -> None:
        """Wait until all that ever began to be written is decided, and read by the follower."""
        async with self._client() as client:
            marker = await client.post(f"{PREFIX}/entries", json=_draft(_MARKER))
            assert marker.status_code == 201, marker.text

        async def shown() -> bool:
            return any(event["subject_id"] == _MARKER for event in self.followed)

        await until(shown, limit_s=60)

    async def repeat_unanswered(self) -> None:
        """Send the unanswered writes again until each is answered for good."""
        async with self._client() as client:
            for write in self.unanswered:
                answer = await self._answer_for_good(client, write)
                code = answer.json()["code"] if answer.is_client_error else None
                assert (
                    answer.is_success
                    or answer.status_code in write.repeated
                    or code == "answer_not_kept"
                ), (write, answer.text)

    async def _answer_for_good(self, client: httpx.AsyncClient, write: Write) -> httpx.Response:
        answers: list[httpx.Response] = []

        async def answered() -> bool:
            answers.append(await write.send(client))
            last = answers[-1]
            return not (last.is_client_error and last.json()["code"] == "request_in_progress")

        await until(answered, limit_s=60)  # the lease of who was killed ends
        return answers[-1]


@dataclass(frozen=True)
class Aftermath:
    """What a registry tells of the writes of a load.

    Attributes
    ----------
    effects
        How often the change feed tells each effect.
    recorded
        How often the audit log has each request id as carried out.
    others
        Entries that were there before the load.
    """

    effects: Counter[Effect]
    recorded: Counter[str]
    others: frozenset[str] = frozenset()

    def require_whole(self, load: WriteLoad, *, all_done: bool = False) -> None:
        """Fail unless each write is there once or not at all, in the feed as in the audit log."""
        done: set[Effect] = set()
        for write in load.writes:
            told = [self.effects[effect] for effect in write.effects]
            times = self.recorded[write.request_id]
            assert set(told) == {times}, f"half a write: {write} is told {told}, recorded {times}"
            assert times == 1 or (times == 0 and not (write.acknowledged or all_done)), write
            done.update(write.effects if times else ())
        assert done == self.effects.keys(), "somebody else wrote"


@dataclass(frozen=True)
class Beginning:
    """Where the change feed ends before a load, and the entries that are there."""

    cursor: str
    entry_ids: frozenset[str]


async def begin_at(url: str, token: str) -> Beginning:
    """Note what a registry holds before a load."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
        page = await client.get(f"{PREFIX}/changes", params={"after": "now"})
        return Beginning(page.json()["next_cursor"], await _living(client))


async def look_at(url: str, token: str, since: Beginning | None = None) -> Aftermath:
    """Read the change feed and the audit log to their ends, as an administrator."""
    headers = {"Authorization": f"Bearer {token}"}
    begun = {} if since is None else {"after": since.cursor}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
        pages = _pages(client, "/changes", "after", "next_cursor", **begun)
        events = [event async for event in pages]
        rows = [row async for row in _pages(client, "/audit", "before", "next_before")]
    assert len({event["event_id"] for event in events}) == len(events)
    return Aftermath(
        Counter(effect_of(event) for event in events if event["subject_id"] != _MARKER),
        Counter(
            row["request_id"]
            for row in rows
            if (row["actor"], row["outcome"]) == (WRITER, "ok") and row["target"] != _MARKER
        ),
        frozenset() if since is None else since.entry_ids,
    )


def effect_of(event: dict[str, Any]) -> Effect:
    """Return what an event of the change feed tells."""
    is_entry = event["subject"] == "entry"
    name = event["subject_id"] if is_entry else f"{event['source_id']}>{event['target_id']}"
    return Effect(event["subject"], name, event["version"], event["operation"])


async def _living(client: httpx.AsyncClient) -> frozenset[str]:
    exported = (await client.get(f"{PREFIX}/bulk/export")).raise_for_status()
    return frozenset(json.loads(line)["entry_id"] for line in exported.iter_lines())


async def _pages(
    client: httpx.AsyncClient, path: str, parameter: str, follows: str, **first: str
) -> AsyncGenerator[dict[str, Any]]:
    query: dict[str, Any] = {"limit": 1_000, **first}
    while True:
        page = (await client.get(PREFIX + path, params=query)).raise_for_status().json()
        for item in page["items"]:
            yield item
        if not page["items"] or page[follows] is None:
            return
        query[parameter] = page[follows]


async def require_entries_as_told(url: str, token: str, aftermath: Aftermath) -> None:
    """Fail unless entries, their versions and relationships are what the change feed tells."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
        names = {effect.name for effect in aftermath.effects if effect.subject == "entry"}
        for name in names:
            told = sorted(each for each in aftermath.effects if each[:2] == ("entry", name))
            assert [each.version for each in told] == list(range(1, len(told) + 1))
            await _require_entry(client, name, told, aftermath)
        living = {
            name for name in names if Effect("entry", name, 2, "delete") not in aftermath.effects
        }
        assert await _living(client) == {*living, _MARKER, *aftermath.others}


async def _require_entry(
    client: httpx.AsyncClient, name: str, told: list[Effect], aftermath: Aftermath
) -> None:
    path = f"{PREFIX}/entries/{name}"
    read = await client.get(path)
    if told[-1].operation == "delete":
        assert read.status_code == 404
        return
    assert (read.json()["version"], read.json()["title"]) == (
        len(told),
        f"{name} at {len(told)}",
    )
    versions = (await client.get(f"{path}/versions")).json()["items"]
    assert [(item["version"], item["title"]) for item in versions] == [
        (each.version, f"{name} at {each.version}") for each in reversed(told)
    ]
    related = (await client.get(f"{path}/relationships", params={"direction": "out"})).json()
    found = {item["relationship"]["target_id"] for item in related["items"]}
    assert found == {
        each.name.partition(">")[2]
        for each in aftermath.effects
        if each.subject == "relationship" and each.name.startswith(f"{name}>")
    }
