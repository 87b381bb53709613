from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from index.attributes import AttributeColumns, AttributeFilter, write_attributes
from index.errors import IndexFormatError

STRINGS, LISTS = pa.string(), pa.list_(pa.string())
ROWS = pa.table(
    {
        "category": pa.array(["service", "library", "dataset", "library", "Ünïcode"], STRINGS),
        "status": pa.array(["active", "active", "retired", "draft", "active"], STRINGS),
        "owner": pa.array(["zoe", None, "adam", "zoe", None], STRINGS),
        "compliance_status": pa.array(["pass", "fail", "pass", "unknown", "pass"], STRINGS),
        "tags": pa.array([["b", "a", "b"], [], ["a"], ["c", "a"], ["ü"]], LISTS),
        "readers": pa.array([["*"], ["team-a"], ["team-b", "team-a"], [], ["*", "x"]], LISTS),
    }
)


@pytest.fixture
def columns(tmp_path: Path) -> AttributeColumns:
    write_attributes(ROWS, tmp_path / "attributes.arrow")
    return AttributeColumns(tmp_path / "attributes.arrow", 5)


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        (AttributeFilter(), [0, 1, 2, 3, 4]),
        (AttributeFilter(category=("library",)), [1, 3]),
        (AttributeFilter(category=("dataset", "service", "nowhere")), [0, 2]),
        (AttributeFilter(category=("Ünïcode",)), [4]),
        (AttributeFilter(category=("nowhere",)), []),
        (AttributeFilter(category=("",)), []),
        (AttributeFilter(category=("\ud800",)), []),
        (AttributeFilter(category=()), []),
        (AttributeFilter(status=("active", "draft")), [0, 1, 3, 4]),
        (AttributeFilter(owner=("zoe",)), [0, 3]),
        (AttributeFilter(owner=("nobody",)), []),
        (AttributeFilter(compliance_status=("pass",)), [0, 2, 4]),
        (AttributeFilter(tags_any=("b", "c", "nothing")), [0, 3]),
        (AttributeFilter(tags_any=("ü",)), [4]),
        (AttributeFilter(tags_any=()), []),
        (AttributeFilter(tags_all=("a", "b")), [0]),
        (AttributeFilter(tags_all=("a", "nothing")), []),
        (AttributeFilter(tags_all=("b", "b")), [0]),
        (AttributeFilter(tags_all=()), [0, 1, 2, 3, 4]),
        (AttributeFilter(readers=()), [0, 4]),
        (AttributeFilter(readers=("team-a",)), [0, 1, 2, 4]),
        (AttributeFilter(readers=frozenset({"team-b", "other"})), [0, 2, 4]),
        (AttributeFilter(status=("active",), readers=("team-a",), tags_any=("a", "ü")), [0, 4]),
    ],
)
def test_mask_marks_the_rows_that_satisfy_the_filter(columns, where, rows):
    mask = columns.mask(where)
    assert mask.dtype == np.bool_
    assert np.flatnonzero(mask).tolist() == rows


@pytest.mark.parametrize(
    ("where", "passes"),
    [
        (AttributeFilter(), True),
        (AttributeFilter(tags_all=()), True),
        (AttributeFilter(tags_any=()), False),
        (AttributeFilter(readers=()), False),
        (AttributeFilter(owner=()), False),
        (AttributeFilter(tags_all=("a",)), False),
    ],
)
def test_filter_knows_whether_it_permits_every_row(where, passes):
    assert where.passes_all is passes


@pytest.mark.parametrize("start", [0, 2, 5])
def test_slices_of_a_table_encode_only_their_rows(tmp_path, start):
    path = tmp_path / "attributes.arrow"
    write_attributes(ROWS.slice(start), path)
    columns = AttributeColumns(path, 5 - start)
    mask = columns.mask(AttributeFilter(tags_any=("a",)))
    assert (np.flatnonzero(mask) + start).tolist() == [row for row in (0, 2, 3) if row >= start]


def test_any_arrow_tool_reads_the_file(tmp_path):
    path = tmp_path / "attributes.arrow"
    write_attributes(ROWS, path)
    table = pa.ipc.open_file(path).read_all()
    assert table.to_pylist() == ROWS.to_pylist()


def test_file_with_other_rows_or_columns_is_refused(tmp_path):
    path = tmp_path / "attributes.arrow"
    write_attributes(ROWS, path)
    with pytest.raises(IndexFormatError, match="holds 5 rows, the manifest says 6"):
        AttributeColumns(path, 6)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, ROWS.schema) as writer:
        writer.write_table(ROWS)
    with pytest.raises(IndexFormatError, match="columns are"):
        AttributeColumns(path, 5)


@pytest.mark.parametrize("content", [b"", b"no arrow file", b"ARROW1\0\0" + b"\0" * 64])
def test_file_that_is_not_arrow_is_refused(tmp_path, content):
    path = tmp_path / "attributes.arrow"
    path.write_bytes(content)
    with pytest.raises(IndexFormatError, match="Arrow file") as caught:
        AttributeColumns(path, 5)
    assert caught.value.path == str(path)
