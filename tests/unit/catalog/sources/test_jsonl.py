"""JSON Lines files, good and bad."""

import base64
import gzip
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyper_registry.catalog.sources.jsonl import JsonLinesSource
from hyper_registry.catalog.sources.source import BadRow, SourceItem
from hyper_registry.domain.entry_status import EntryStatus
from hyper_registry.domain.errors.input import SourceUnavailableError

_CHECKOUT = Path(__file__).parents[4]
_EVAL_DATA = Path(os.environ.get("HYPER_REGISTRY_EVAL_DATA", _CHECKOUT.parent / "shared" / "data"))

GOOD = b'{"category": "model", "title": "A"}'


def _read(tmp_path: Path, data: bytes, **options: int) -> list[SourceItem | BadRow]:
    path = tmp_path / "entries.jsonl"
    path.write_bytes(data)
    return list(JsonLinesSource(path, **options).read())


def test_an_entry_with_its_relationships(tmp_path: Path) -> None:
    (item,) = _read(
        tmp_path,
        b'{"entry_id": "a", "category": "service", "title": " Billing ",'
        b' "description": "two\\nlines",'
        b' "status": "deprecated", "owner": "money", "tags": ["x", "y", "x"],'
        b' "metadata": {"port": 8080, "nested": {"big": 9007199254740993}},'
        b' "security": {"visibility": "private", "readers": ["group:money"]},'
        b' "relationships": [{"rel_type": "calls", "target_id": "b", "weight": 0.5},'
        b' {"rel_type": "calls", "target_id": "c", "bidirectional": true, "metadata": {"k": 1}}]}',
    )
    assert isinstance(item, SourceItem)
    assert item.draft.title == "Billing"
    assert item.draft.description == "two\nlines"
    assert item.draft.status is EntryStatus.DEPRECATED
    assert item.draft.tags == ("x", "y")
    assert item.draft.metadata == {"port": 8080, "nested": {"big": 9007199254740993}}
    assert item.draft.readers == ["group:money", "user:money"]
    assert [
        (link.rel_type, link.target_id, link.weight, link.bidirectional, link.metadata)
        for link in item.links
    ] == [("calls", "b", 0.5, False, {}), ("calls", "c", 1.0, True, {"k": 1})]


def test_blank_lines_a_byte_order_mark_and_both_line_ends(tmp_path: Path) -> None:
    items = _read(tmp_path, b"\xef\xbb\xbf" + GOOD + b"\r\n\r\n \t\n" + GOOD + b"\n" + GOOD)
    assert [type(item) for item in items] == [SourceItem] * 3


def test_only_line_feeds_end_a_line(tmp_path: Path) -> None:
    (item,) = _read(
        tmp_path, '{"category": "model", "title": "A", "description": "\u2028"}'.encode()
    )
    assert isinstance(item, SourceItem)
    assert item.draft.description == "\u2028"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"category": "model"}', "title: is missing; give it a value"),
        (b'{"category": "Model", "title": "A"}', "category: String should match pattern"),
        (b'{"category": "model", "title": 5}', "title: Input should be a valid string"),
        (b'{"category": "model", "title": "\\u0000"}', "title: holds a NUL character; remove it"),
        (b'{"category": "model", "title": "A", "owners": 1}', "owners: is not a known field"),
        (b'{"category": "model", "title": NaN}', "title: Input should be a valid string"),
        (
            b'{"category": "model", "title": "A", "metadata": {"x": [NaN]}}',
            "metadata: holds NaN or infinity, which JSON has no form for; send null",
        ),
        (
            b'{"category": "model", "title": "A", "metadata": {"x": 1e400}}',
            "metadata: holds NaN or infinity, which JSON has no form for; send null",
        ),
        (
            b'{"category": "model", "title": "A", "metadata": {"x": 12345678901234567890}}',
            "metadata: holds an integer beyond 64 bits; send it as text",
        ),
        (
            b'{"category": "model", "title": "A", "relationships": [{"rel_type": "calls"}]}',
            "relationships[0].target_id: is missing; give it a value",
        ),
        (
            b'{"category": "model", "title": "A", "relationships": {"rel_type": "calls"}}',
            "relationships: Input should be a valid tuple",
        ),
        (
            b'{"entry_id": "a", "category": "model", "title": "A",'
            b' "relationships": [{"rel_type": "calls", "target_id": "a"}]}',
            "relationships[0].target_id: is the entry itself; name another entry",
        ),
        (
            b'{"category": "model", "title": "A", "relationships": ['
            b'{"rel_type": "calls", "target_id": "b"}, {"rel_type": "calls", "target_id": "b"}]}',
            "relationships[1].target_id: repeats calls to b; keep one of them",
        ),
        (b'{"category": "model", "title": "\xff"}', "is not valid UTF-8 at byte 33; save the file"),
        (b'{"category": "model", "title": "\\ud800"}', "is not valid JSON ("),
        (b'{"category": "model", "title": "A"', "is not valid JSON ("),
        (GOOD + GOOD, "is not valid JSON (trailing characters"),
        (b"[" * 100_000, "is not valid JSON (recursion limit exceeded"),
        (b'["model", "A"]', "is not an object; write one entry as {...} a line"),
        (b"null", "is not an object; write one entry as {...} a line"),
        (b"\x00", "is not valid JSON ("),
    ],
)
def test_a_bad_line_is_named_and_reading_goes_on(tmp_path: Path, line: bytes, reason: str) -> None:
    first, bad, last = _read(tmp_path, GOOD + b"\n" + line + b"\n" + GOOD + b"\n")
    assert isinstance(first, SourceItem)
    assert isinstance(last, SourceItem)
    assert isinstance(bad, BadRow)
    assert bad.row == 2
    assert bad.reason.startswith(reason)


def test_a_line_above_the_limit_is_a_bad_row(tmp_path: Path) -> None:
    items = _read(tmp_path, GOOD + b" " * 10 + b"\n" + GOOD, line_limit_bytes=len(GOOD))
    assert items[0] == BadRow(1, "is longer than 35 bytes; shorten it")
    assert isinstance(items[1], SourceItem)


def test_a_compressed_file_reads_like_a_plain_one(tmp_path: Path) -> None:
    path = tmp_path / "entries.jsonl.gz"
    path.write_bytes(gzip.compress(GOOD + b"\n" + b"a" * 3_000_000 + b"\n" + GOOD))
    first, bad, last = JsonLinesSource(path).read()
    assert isinstance(first, SourceItem)
    assert bad == BadRow(2, "is longer than 1048576 bytes; shorten it")
    assert isinstance(last, SourceItem)


def test_a_file_can_be_read_again(tmp_path: Path) -> None:
    path = tmp_path / "entries.jsonl"
    path.write_bytes(GOOD)
    source = JsonLinesSource(path)
    assert list(source.read()) == list(source.read())
    assert (source.estimate(), source.name) == (1, str(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailableError, match="does not exist") as caught:
        list(JsonLinesSource(tmp_path / "none.jsonl").read())
    assert caught.value.subject == str(tmp_path / "none.jsonl")
    assert caught.value.remedy == "Check the path."


def test_parser_cases_are_read_or_named(tmp_path: Path) -> None:
    cases_path = _EVAL_DATA / "torture_text" / "json_test_suite.jsonl"
    if not cases_path.is_file():
        pytest.skip(f"no {cases_path}; name the data's folder in HYPER_REGISTRY_EVAL_DATA")
    expectations: list[str] = []
    lines: list[bytes] = []
    for line in cases_path.read_text("utf-8").split("\n"):
        case = json.loads(line or "{}")
        raw = base64.b64decode(case.get("bytes_b64") or "")
        # A line ends at a line feed and is UTF-8, so cases with one, or in UTF-16, are no lines.
        if raw and b"\n" not in raw and "utf16" not in case["name"]:
            expectations.append(case["expect"])
            lines.append(b'{"category": "model", "title": "A", "metadata": {"x": ' + raw + b"}}")
    items = _read(tmp_path, b"\n".join(lines))
    assert len(items) == len(lines) > 250
    for expected, item in zip(expectations, items, strict=True):
        # What a parser must accept may still be refused by what can be stored: NUL, big integers.
        if isinstance(item, BadRow) and expected == "accept":
            assert "holds" in item.reason
        assert isinstance(item, BadRow) or expected != "reject"


ANY_LINE = st.one_of(
    st.binary(max_size=60),
    st.just(GOOD),
    st.dictionaries(
        st.sampled_from(["category", "title", "tags", "metadata", "relationships", "x"]),
        st.one_of(st.none(), st.text(max_size=5), st.integers(), st.lists(st.none(), max_size=2)),
    ).map(lambda record: repr(record).replace("'", '"').encode(errors="replace")),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(ANY_LINE, max_size=6).map(b"\n".join))
def test_any_bytes_are_read_and_every_line_accounted_for(tmp_path: Path, data: bytes) -> None:
    items = _read(tmp_path, data, line_limit_bytes=50)
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    rows = [row for row, line in enumerate(lines, start=1) if line and not line.isspace()]
    long_blank = sum(1 for line in lines if line.isspace() and len(line) > 50)
    assert len(rows) <= len(items) <= len(rows) + long_blank
    bad = [item for item in items if isinstance(item, BadRow)]
    assert all(item.reason.isprintable() for item in bad)
    assert [item.row for item in bad] == sorted({item.row for item in bad})
