"""The measured operations: what each sends, what answer it expects, and what is promised of it."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from urllib.parse import urlencode

import orjson

from benchmarks.api.catalogue import draft_at, entry_id_at, fresh_edges, queries

PREFIX = "/v1/registry"
BULK_ROWS = 100


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    Parameters
    ----------
    body
        JSON, or None.
    """

    method: str
    path: str
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Promise:
    """Latencies at concurrency 1 and the share of failed requests that an operation may have."""

    mean_ms: float
    worst_ms: float
    error_share: float


@dataclass(frozen=True, slots=True)
class Operation:
    """One kind of request.

    Parameters
    ----------
    name
        Key of its results.
    requests
        Makes an endless stream of distinct requests out of a number of catalogue entries and a
        seed; streams of different seeds share no write.
    status
        Of a good answer.
    content
        What a good answer holds, so that an empty one does not count as a fast one.
    writes
        Whether it leaves something to be embedded behind.
    """

    name: str
    promise: Promise
    requests: Callable[[int, int], Iterator[Request]]
    status: int = 200
    content: bytes = b'"entry_id":"'
    writes: bool = False


def _get(entries: int, seed: int) -> Iterator[Request]:
    pick = random.Random(seed)  # noqa: S311 - data, not secrets
    while True:
        yield Request("GET", f"{PREFIX}/entries/{entry_id_at(pick.randrange(entries))}")


def _relationships(entries: int, seed: int) -> Iterator[Request]:
    for request in _get(entries, seed):
        yield Request("GET", f"{request.path}/relationships")


def _search(_entries: int, seed: int) -> Iterator[Request]:
    for query in queries(seed):
        yield Request("GET", f"{PREFIX}/search?{urlencode({'q': query, 'limit': 10})}")


def _vector_search(_entries: int, seed: int) -> Iterator[Request]:
    for query in queries(seed):
        parameters = urlencode({"q": query, "limit": 10, "mode": "vector"})
        yield Request("GET", f"{PREFIX}/search?{parameters}")


def _relate(entries: int, seed: int) -> Iterator[Request]:
    for edge in fresh_edges(entries, seed):
        draft = {
            "source_id": entry_id_at(edge.source),
            "target_id": entry_id_at(edge.target),
            "rel_type": edge.rel_type,
        }
        yield Request("POST", f"{PREFIX}/relationships", orjson.dumps(draft))


def _register(entries: int, seed: int) -> Iterator[Request]:
    for position in count(entries):
        body = orjson.dumps(draft_at(position, f"single-{seed}"))
        yield Request("POST", f"{PREFIX}/entries", body)


def _bulk_register(entries: int, seed: int) -> Iterator[Request]:
    for first in count(entries, BULK_ROWS):
        rows = [draft_at(first + row, f"bulk-{seed}") for row in range(BULK_ROWS)]
        yield Request("POST", f"{PREFIX}/bulk/register", orjson.dumps({"entries": rows}))


GET = Operation("get", Promise(5, 50, 0.0005), _get)

# Reads first: what a write leaves to be embedded takes CPU from all that is measured after it.
OPERATIONS = (
    GET,
    Operation("relationships", Promise(10, 100, 0.0015), _relationships, content=b'"items":['),
    Operation("search", Promise(25, 150, 0.002), _search),
    Operation("vector_search", Promise(35, 200, 0.003), _vector_search),
    Operation("relate", Promise(8, 75, 0.001), _relate, 201, b'"relationship_id":'),
    Operation("register", Promise(15, 100, 0.001), _register, 201, writes=True),
    Operation(
        "bulk_register_100",
        Promise(200, 500, 0.005),
        _bulk_register,
        content=b'"rejected":[]',
        writes=True,
    ),
)
