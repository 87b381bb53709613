"""Answers of two registries made comparable: what differs by design is named by first sight.

Times and random ids differ between any two registries. Each is replaced by the number of its first
appearance, so an answer that repeats or orders them differently still differs.
"""

import io
import re
from base64 import urlsafe_b64decode
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import orjson
import pyarrow.parquet as pq

# Of these, the length follows from the body, and the others are of the connection and the request;
# what is left of the caller's own budget of requests moves with the clock.
_PASSED_OVER = {
    "content-length",
    "x-request-id",
    "date",
    "ratelimit-remaining",
    "ratelimit-reset",
}
_BY_DESIGN = re.compile(
    r"""
    (?P<second> \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ | (?<=^@) \d{10} (?=$) )
    | (?P<time> \d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d (?:\.\d+)? (?:Z|[+-]\d\d:?\d\d)? )
    | (?P<cursor> (?<![\w-]) [\w-]{86}== )
    | (?P<secret> whsec_[\w+/=-]+ )
    | (?P<random> (?<![0-9A-Za-z]) (?:[a-z]{2,6}_)? [0-9a-f]{24,40} (?![0-9A-Za-z]) )
    | (?P<uuid> [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12} )
    | (?P<address> http://127\.0\.0\.1:\d+ )
    """,
    re.VERBOSE,
)
_PAGE_END = re.compile(r'(?<="next_after":")[\w=-]+(?=")')
_COLLECTED = re.compile(r"_id$|cursor|^next_")


@dataclass
class Sight:
    """What one registry's answers have shown so far.

    Attributes
    ----------
    collected
        By the name of their field, the ids and cursors that can be sent back; cursors by the name
        of the route before it, which alone understands them. The lists of two registries whose
        answers are equal are parallel.
    objects
        By the name of their id, which is their first field, the objects shown; parallel as well.
    """

    collected: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    objects: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    _numbers: dict[str, str] = field(default_factory=dict)

    def comparable(self, answer: httpx.Response) -> tuple[int, list[tuple[str, str]], str]:
        """Return the status, the headers and the body, with numbers for what differs by design."""
        headers = sorted(
            (name, self._numbered(value))
            for name, value in answer.headers.items()
            if name not in _PASSED_OVER
        )
        return answer.status_code, headers, self._numbered(_text(answer))

    def comparable_text(self, body: bytes) -> str:
        """Return what was sent elsewhere, with numbers for what differs by design."""
        return self._numbered(body.decode())

    def collect(self, route: str, answer: httpx.Response) -> None:
        """Remember the ids and cursors of an answer in JSON."""
        is_json = answer.headers.get("content-type") == "application/json"
        if answer.is_success and is_json and answer.content:
            self._collect(route, orjson.loads(answer.content))

    def _collect(self, route: str, value: Any) -> None:
        if isinstance(value, dict):
            found = cast("dict[str, Any]", value)
            id_name = next(iter(found), "")
            if id_name.endswith("_id"):
                self._object(id_name, found[id_name]).update(found)
            for name, item in found.items():
                if isinstance(item, str | int) and _COLLECTED.search(name):
                    key = name if name.endswith("_id") else f"{route} {name}"
                    if item not in self.collected[key]:
                        self.collected[key].append(item)
                self._collect(route, item)
        elif isinstance(value, list):
            for item in cast("list[Any]", value):
                self._collect(route, item)

    def _object(self, id_name: str, value: Any) -> dict[str, Any]:
        """Return what is known of an object, by whatever answers it was shown."""
        for known in self.objects[id_name]:
            if known[id_name] == value:
                return known
        self.objects[id_name].append({})
        return self.objects[id_name][-1]

    def _numbered(self, text: str) -> str:
        return _BY_DESIGN.sub(self._number, _PAGE_END.sub(_read_page_end, text))

    def _number(self, found: re.Match[str]) -> str:
        kind = found.lastgroup or ""
        if kind == "second":
            # Whether two fall into the same one is up to chance.
            return "<second>"
        token = found.group().strip('"')
        return f"<{kind} {self._numbers.setdefault(token, str(len(self._numbers)))}>"


def _read_page_end(cursor: re.Match[str]) -> str:
    """Return what a cursor holds in base64, such as a time and an id."""
    try:
        held = urlsafe_b64decode(cursor.group()).decode()
    except ValueError:
        return cursor.group()
    return held if held.isprintable() else cursor.group()


def _text(answer: httpx.Response) -> str:
    if "parquet" not in answer.headers.get("content-type", ""):
        return answer.text
    file = pq.ParquetFile(io.BytesIO(answer.content))
    rows = file.read().to_pylist()
    # Its first line is where the object lies in memory.
    schema = str(file.schema).partition("\n")[2]
    return f"{schema}{file.num_row_groups} row groups\n{orjson.dumps(rows, default=str).decode()}"
