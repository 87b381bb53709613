"""Parquet files, good and bad."""

# pyright: reportMissingTypeStubs=false
# pyarrow ships no type information.

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hyper_registry.catalog.sources.parquet import ParquetSource
from hyper_registry.catalog.sources.source import BadRow, SourceItem
from hyper_registry.domain.errors.input import SourceUnavailableError


def _write(tmp_path: Path, table: pa.Table) -> ParquetSource:
    path = tmp_path / "entries.parquet"
    pq.write_table(table, path)
    return ParquetSource(path)


def test_native_columns(tmp_path: Path) -> None:
    relation = {"rel_type": "uses", "target_id": "b", "weight": None}
    source = _write(
        tmp_path,
        pa.table(
            {
                "entry_id": ["a", None],
                "category": ["model", "dataset"],
                "title": ["A", "B"],
                "tags": [["x", "y"], None],
                "metadata": [{"n": 1, "m": None}, {"n": None, "m": "k"}],
                "relationships": [[relation], None],
                "visibility": [None, "private"],
                "readers": [None, ["user:ann"]],
            }
        ),
    )
    first, second = source.read()
    assert isinstance(first, SourceItem)
    assert isinstance(second, SourceItem)
    assert (first.draft.entry_id, second.draft.entry_id) == ("a", None)
    assert (first.draft.tags, second.draft.tags) == (("x", "y"), ())
    assert (first.draft.metadata, second.draft.metadata) == ({"n": 1}, {"m": "k"})
    assert [(link.target_id, link.weight) for link in first.links] == [("b", 1.0)]
    assert second.draft.readers == ["user:ann"]
    assert source.estimate() == 2


def test_text_columns_and_maps(tmp_path: Path) -> None:
    source = _write(
        tmp_path,
        pa.table(
            {
                "category": pa.array(["model"]).dictionary_encode(),
                "title": pa.array(["A"], pa.large_string()),
                "tags": ["x|y"],
                "metadata": pa.array([[("k", "v")]], pa.map_(pa.string(), pa.string())),
                "relationships": [json.dumps([{"rel_type": "uses", "target_id": "b"}])],
            }
        ),
    )
    (item,) = source.read()
    assert isinstance(item, SourceItem)
    assert (item.draft.tags, item.draft.metadata) == (("x", "y"), {"k": "v"})
    assert [link.target_id for link in item.links] == ["b"]


def test_explicit_nulls_in_json_text_are_kept(tmp_path: Path) -> None:
    table = pa.table({"category": ["model"], "title": ["A"], "metadata": ['{"k": null}']})
    (item,) = _write(tmp_path, table).read()
    assert isinstance(item, SourceItem)
    assert item.draft.metadata == {"k": None}


def test_bad_rows_are_named_and_reading_goes_on(tmp_path: Path) -> None:
    titles = pa.Array.from_buffers(
        pa.string(),
        4,
        [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0\2\0\0\0\3\0\0\0"), pa.py_buffer(b"A\xffD")],
    )
    source = _write(
        tmp_path,
        pa.table(
            {
                "category": ["model"] * 4,
                "title": titles,
                "metadata": ["", "", "", "{broken"],
            }
        ),
    )
    items = list(source.read())
    assert isinstance(items[0], SourceItem)
    bad = [item for item in items if isinstance(item, BadRow)]
    assert [item.row for item in bad] == [2, 3, 4]
    assert bad[0].reason.startswith("holds a value that cannot be read ('utf-8' codec can't decode")
    assert bad[1].reason == "title: is missing; give it a value"
    assert bad[2].reason.startswith("metadata: is not valid JSON (")


def test_rows_are_numbered_across_batches(tmp_path: Path) -> None:
    count = 3000
    titles = ["A"] * count
    titles[2500] = "\x07"
    items = list(
        _write(tmp_path, pa.table({"category": ["model"] * count, "title": titles})).read()
    )
    assert len(items) == count
    assert [item.row for item in items if isinstance(item, BadRow)] == [2501]


def test_columns_that_cannot_be_understood_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailableError) as caught:
        list(_write(tmp_path, pa.table({"name": ["A"]})).read())
    assert caught.value.reason == "lacks columns 'category', 'title'"
    with pytest.raises(SourceUnavailableError) as caught:
        list(_write(tmp_path, pa.table({"category": ["a"], "title": ["A"], "name": ["A"]})).read())
    assert caught.value.reason == "has unknown column 'name'"
    assert "category, title" in caught.value.remedy


def test_a_missing_file_a_folder_and_another_format_are_named(tmp_path: Path) -> None:
    path = tmp_path / "entries.parquet"
    with pytest.raises(SourceUnavailableError, match="does not exist"):
        list(ParquetSource(path).read())
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(SourceUnavailableError, match="cannot be read as Parquet"):
        list(ParquetSource(path).read())
    with pytest.raises(SourceUnavailableError, match="cannot be read as Parquet"):
        list(ParquetSource(tmp_path).read())
    assert ParquetSource(path).estimate() is None


def test_a_file_damaged_in_its_middle_is_named(tmp_path: Path) -> None:
    source = _write(
        tmp_path, pa.table({"category": ["model"] * 5000, "title": [f"T{i}" for i in range(5000)]})
    )
    path = Path(source.name)
    data = bytearray(path.read_bytes())
    data[4:200] = b"\xff" * 196
    path.write_bytes(data)
    with pytest.raises(SourceUnavailableError, match="cannot be read as Parquet"):
        list(source.read())


def _repeated(column: str, value: object, rows: int) -> pa.Table:
    cells = {"category": "model", "title": "A"} | {column: value}
    return pa.table(
        {
            name: pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), [cell])
            if isinstance(cell, str)
            else [cell] * rows
            for name, cell in cells.items()
        }
    )


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("description", "x" * 4_000_000),
        ("metadata", {"deep": {"text": "x" * 2_000_000}}),
        ("tags", ["x" * 500] * 4_000),
    ],
)
def test_rows_that_a_small_file_stands_for_are_refused_without_being_held(
    tmp_path: Path, column: str, value: object
) -> None:
    rows = 100
    source = _write(tmp_path, _repeated(column, value, rows))
    assert (tmp_path / "entries.parquet").stat().st_size < 10_000_000
    read = list(source.read())
    assert [bad.row for bad in read if isinstance(bad, BadRow)] == list(range(1, rows + 1))
    assert all("the limit is 1,048,576" in bad.reason for bad in read if isinstance(bad, BadRow))


def test_text_that_repeats_takes_the_memory_of_one(tmp_path: Path) -> None:
    source = _write(tmp_path, _repeated("description", "x" * 8_000_000, 1_000))
    before = pa.total_allocated_bytes()
    for bad in source.read():
        assert isinstance(bad, BadRow)
        # Whole, the batch would take 8 GB.
        assert pa.total_allocated_bytes() - before < 100_000_000


def test_good_rows_beside_huge_ones_are_read(tmp_path: Path) -> None:
    huge = "x" * 2_000_000
    table = pa.table(
        {
            "category": ["model"] * 60,
            "title": ["A"] * 60,
            "description": ["short", *[huge] * 58, "also short"],
        }
    )
    read = list(_write(tmp_path, table).read())
    good = [item.row for item in read if isinstance(item, SourceItem)]
    assert good == [1, 60]


@pytest.mark.parametrize(
    "layout",
    [{}, {"dictionary_pagesize_limit": 1_000}, {"use_dictionary": False}, {"data_page_size": 500}],
)
def test_nested_text_of_several_row_groups_and_pages_is_read(
    tmp_path: Path, layout: dict[str, Any]
) -> None:
    rows = 3_000
    table = pa.table(
        {
            "category": ["model"] * rows,
            "title": [f"title {n}" for n in range(rows)],
            "tags": [[f"tag {n}", f"other {n}"] for n in range(rows)],
            "metadata": [{"text": f"some text {n}"} for n in range(rows)],
        }
    )
    path = tmp_path / "entries.parquet"
    pq.write_table(table, path, row_group_size=1_300, **layout)
    read = list(ParquetSource(path).read())
    assert [item.row for item in read] == list(range(1, rows + 1))
    last = read[-1]
    assert isinstance(last, SourceItem)
    assert last.draft.tags == (f"tag {rows - 1}", f"other {rows - 1}")


def test_a_row_group_of_too_many_values_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hyper_registry.catalog.sources.parquet._ROW_GROUP_VALUES", 99)
    source = _write(tmp_path, _repeated("tags", ["a"] * 10, 10))
    with pytest.raises(SourceUnavailableError, match="100 values") as caught:
        list(source.read())
    assert "row groups of at most" in caught.value.remedy
