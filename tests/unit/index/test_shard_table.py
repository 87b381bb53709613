import numpy as np
import pyarrow as pa
import pytest

from index.errors import IndexInputError
from index.shard_table import checked_rows
from tests.unit.index.shard_tables import shard_table, vector_column

AXES = np.eye(4, dtype=np.float32)


def with_column(table, name, values):
    return table.set_column(table.schema.get_field_index(name), name, values)


def test_rows_are_sorted_by_key_with_their_vectors_and_attributes():
    table = shard_table(AXES, {"entry_key": [30, -1, 20, 10], "category": ["a", "b", "c", "d"]})
    rows = checked_rows(table, 4)
    assert rows.entry_keys.tolist() == [-1, 10, 20, 30]
    assert rows.attributes["category"].to_pylist() == ["b", "d", "c", "a"]
    assert rows.unit_vectors(np.arange(4)).tolist() == AXES[[1, 3, 2, 0]].tolist()


def test_slices_and_chunks_read_like_one_table():
    table = shard_table(AXES, {"entry_key": [4, 3, 2, 1]})
    chunked = pa.concat_tables([table.slice(1, 1), table.slice(3, 1), table.slice(0, 1)])
    rows = checked_rows(chunked, 4)
    assert rows.entry_keys.tolist() == [1, 3, 4]
    assert rows.unit_vectors(np.arange(3)).tolist() == AXES[[3, 1, 0]].tolist()


def test_nearly_normalised_vectors_are_scaled_to_length_one():
    rows = checked_rows(shard_table(AXES * np.float32(1.009)), 4)
    np.testing.assert_allclose(rows.unit_vectors(np.arange(4)), AXES, atol=1e-7)


@pytest.mark.parametrize(
    ("vector", "reason"),
    [
        ([1.02, 0, 0, 0], "length is 1.02, expected 1 within 0.01"),
        ([0, 0, 0, 0], "length is 0"),
        ([np.nan, 0, 0, 1], "length is nan"),
        ([np.inf, 0, 0, 1], "length is inf"),
        ([3e38, 3e38, 0, 0], r"length is 4\.2"),
    ],
)
def test_vector_of_another_length_is_refused_by_row(vector, reason):
    vectors = np.concatenate([AXES, np.array([vector], np.float32)])
    with pytest.raises(IndexInputError, match=f"vector, row 4: {reason}"):
        checked_rows(shard_table(vectors), 4)


def test_vector_column_of_another_type_is_refused():
    table = shard_table(AXES)
    with pytest.raises(IndexInputError, match=r"\[4\], expected fixed_size_list<float>\[384\]"):
        checked_rows(table, 384)
    doubles = pa.FixedSizeListArray.from_arrays(pa.array(AXES.astype(np.float64).reshape(-1)), 4)
    with pytest.raises(IndexInputError, match=r"double.*\[4\], expected"):
        checked_rows(with_column(table, "vector", doubles), 4)
    lists = pa.array(AXES.tolist(), pa.list_(pa.float32()))
    with pytest.raises(IndexInputError, match="type is list"):
        checked_rows(with_column(table, "vector", lists), 4)


def test_missing_vector_or_component_is_refused_by_row():
    table = shard_table(AXES)
    kind = vector_column(AXES).type
    absent = pa.array([AXES[0].tolist(), None, *AXES[2:].tolist()], kind)
    with pytest.raises(IndexInputError, match="vector, row 1: is null"):
        checked_rows(with_column(table, "vector", absent), 4)
    part = pa.array([*AXES[:3].tolist(), [None, 0.0, 0.0, 1.0]], kind)
    with pytest.raises(IndexInputError, match="vector, row 3: has a component that is null"):
        checked_rows(with_column(table, "vector", part), 4)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("entry_key", pa.array([1, 2, 7, 2]), "entry_key, row 3: key 2 appears more than once"),
        ("entry_key", pa.array([1, None, 7, 2]), "entry_key, row 1: is null"),
        ("entry_key", pa.array([1, 2, 3, 4], pa.int32()), "entry_key: type is int32"),
        ("category", pa.array(["a", "b", None, "c"]), "category, row 2: is null"),
        ("status", pa.array([1, 2, 3, 4]), "status: type is int64, expected string"),
        ("tags", pa.array([[], None, [], []], pa.list_(pa.string())), "tags, row 1: is null"),
        ("readers", pa.array([[], ["a"], ["b", None], []]), "readers, row 2: holds a null"),
        ("tags", pa.array(["a", "b", "c", "d"]), "tags: type is string, expected list"),
    ],
)
def test_column_that_breaks_the_contract_is_refused(name, values, message):
    with pytest.raises(IndexInputError, match=message):
        checked_rows(with_column(shard_table(AXES), name, values), 4)


def test_missing_and_repeated_columns_are_refused():
    table = shard_table(AXES)
    with pytest.raises(IndexInputError, match="owner: the table has 0 columns"):
        checked_rows(table.drop_columns(["owner"]), 4)
    with pytest.raises(IndexInputError, match="owner: the table has 2 columns"):
        checked_rows(table.append_column("owner", table["owner"]), 4)


def test_wide_and_dictionary_encoded_strings_are_accepted():
    table = shard_table(AXES, {"category": ["a", "b", "a", "c"], "tags": [["x"], [], ["y"], ["x"]]})
    wide = with_column(table, "category", table["category"].cast(pa.large_string()))
    wide = with_column(wide, "tags", table["tags"].cast(pa.large_list(pa.large_string())))
    wide = with_column(wide, "status", table["status"].dictionary_encode())
    wide = with_column(wide, "owner", table["owner"].cast(pa.string_view()))
    assert checked_rows(wide, 4).attributes == checked_rows(table, 4).attributes
