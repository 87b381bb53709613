"""CSV files, good and bad."""

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyper_registry.catalog.sources.csv_file import CsvSource
from hyper_registry.catalog.sources.source import BadRow, SourceItem
from hyper_registry.domain.entry_status import EntryStatus
from hyper_registry.domain.errors.input import SourceUnavailableError


def _read(tmp_path: Path, data: bytes, **options: int) -> list[SourceItem | BadRow]:
    path = tmp_path / "entries.csv"
    path.write_bytes(data)
    return list(CsvSource(path, **options).read())


def test_every_column(tmp_path: Path) -> None:
    (item,) = _read(
        tmp_path,
        b"\xef\xbb\xbftitle, category,entry_id,description,status,owner,tags,metadata,"
        b"compliance_status,visibility,readers,relationships\r\n"
        b'"A, B",model,a,"two\r\nlines",draft,ann,x|y; z,"{""n"": [1]}",compliant,private,'
        b'user:bob;group:g,"[{""rel_type"": ""uses"", ""target_id"": ""b""}]"\r\n',
    )
    assert isinstance(item, SourceItem)
    draft = item.draft
    assert (draft.entry_id, draft.category, draft.title) == ("a", "model", "A, B")
    assert (draft.description, draft.status) == ("two\r\nlines", EntryStatus.DRAFT)
    assert (draft.owner, draft.tags, draft.metadata) == ("ann", ("x", "y", "z"), {"n": [1]})
    assert draft.readers == ["group:g", "user:ann", "user:bob"]
    assert draft.compliance_status == "compliant"
    assert [(link.rel_type, link.target_id) for link in item.links] == [("uses", "b")]


def test_empty_cells_leave_the_defaults(tmp_path: Path) -> None:
    (item,) = _read(tmp_path, b"category,title,status,tags,metadata,owner\nmodel,A,,,,\n")
    assert isinstance(item, SourceItem)
    assert (item.draft.status, item.draft.tags) == (EntryStatus.ACTIVE, ())
    assert (item.draft.metadata, item.draft.owner) == ({}, None)


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        (b"category,title,colour,size", "has unknown columns 'colour', 'size'"),
        (b"category,description", "lacks column 'title'"),
        (b"", "lacks columns 'category', 'title'"),
        (b"category,title,title", "repeats column 'title'"),
        (b"\xff", "has an unreadable header (is not valid UTF-8 at byte 1)"),
        (b"category;title", "lacks columns 'category', 'title'"),
    ],
)
def test_a_header_that_cannot_be_understood_is_refused_up_front(
    tmp_path: Path, header: bytes, fault: str
) -> None:
    with pytest.raises(SourceUnavailableError) as caught:
        _read(tmp_path, header + b"\nmodel,A\n")
    assert caught.value.reason == fault


def test_bad_records_are_named_by_the_line_where_they_start(tmp_path: Path) -> None:
    items = _read(
        tmp_path,
        b"category,title,metadata\n"  # 1
        b'model,"two\nlines",\n'  # 2, 3
        b"model,A\n"  # 4
        b"\n"  # 5
        b"model,A,{broken\n"  # 6
        b"model,\xff,\n"  # 7
        b'model,"A"B,\n'  # 8
        b"Model,A,\n"  # 9
        b"model," + b"x" * 100 + b",\n"  # 10
        b"model,A,[]\n"  # 11
        b"model,Last,\n"  # 12
        b'model,"never closed\n',  # 13
        line_limit_bytes=80,
    )
    assert [item.draft.title for item in items if isinstance(item, SourceItem)] == ["Last"]
    bad = {item.row: item.reason for item in items if isinstance(item, BadRow)}
    assert list(bad) == [2, 4, 6, 7, 8, 9, 10, 11, 13]
    assert bad[2].startswith("title: holds a control character or line break")
    assert bad[4] == "has 2 cells for 3 columns; quote cells that hold commas"
    assert bad[6].startswith("metadata: is not valid JSON (")
    assert bad[7] == "is not valid UTF-8 at byte 7; mend the record"
    assert bad[8].startswith("',' expected after '\"'")
    assert bad[9].startswith("category: String should match pattern")
    assert bad[10] == "has a line above the length limit; mend the record"
    assert bad[11] == "metadata: Input should be a valid dictionary"
    assert bad[13] == "unexpected end of data; mend the record"


def test_a_cell_above_the_parser_s_limit_is_a_bad_row(tmp_path: Path) -> None:
    items = _read(tmp_path, b"category,title\nmodel," + b"x" * 200_000 + b"\nmodel,A\n")
    assert items[0] == BadRow(2, "field larger than field limit (131072); mend the record")
    assert isinstance(items[1], SourceItem)


def test_a_compressed_file_reads_like_a_plain_one(tmp_path: Path) -> None:
    path = tmp_path / "entries.csv.gz"
    path.write_bytes(gzip.compress(b"category,title\nmodel,A\n"))
    (item,) = CsvSource(path).read()
    assert isinstance(item, SourceItem)
    assert CsvSource(path).estimate() is None


def test_the_estimate_leaves_the_header_out(tmp_path: Path) -> None:
    path = tmp_path / "entries.csv"
    path.write_bytes(b"category,title\nmodel,A\nmodel,B\n")
    assert CsvSource(path).estimate() == 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.binary(max_size=100) | st.text(st.sampled_from('model,A"\r\n'), max_size=60).map(str.encode)
)
def test_any_bytes_are_read(tmp_path: Path, data: bytes) -> None:
    items = _read(tmp_path, b"category,title\n" + data, line_limit_bytes=50)
    assert all(isinstance(item, SourceItem) or item.row >= 2 for item in items)
