"""Embedding of Arrow batches."""

import numpy as np
import pyarrow as pa
import pytest

from hyper_registry.ai.arrow_embedding import INPUT_SCHEMA, embed_batch, vector_schema
from hyper_registry.ai.packed_encoder import PackedEncoder
from hyper_registry.domain.errors.input import InvalidFieldError

TEXTS = ["labelled images", "", "a longer text about nightly loads of the warehouse"]


def rows() -> dict[str, list]:
    return {
        "entry_key": [7, 2**40, -1],
        "text": TEXTS,
        "input_hash": [b"\x00" * 16, b"\xff" * 16, b"h" * 16],
    }


def test_vectors_stand_beside_their_keys(encoder: PackedEncoder) -> None:
    batch = pa.RecordBatch.from_pydict(rows(), schema=INPUT_SCHEMA)
    table = embed_batch(batch, encoder)
    assert table.schema == vector_schema(384)
    assert table.schema.field("vector").type == pa.list_(pa.float32(), 384)
    assert table.column("entry_key").to_pylist() == rows()["entry_key"]
    assert table.column("input_hash").to_pylist() == rows()["input_hash"]
    vectors = np.array(table.column("vector").to_pylist(), dtype=np.float32)
    np.testing.assert_array_equal(vectors, encoder.encode(TEXTS))
    table.validate(full=True)


def test_chunked_table_with_wider_types_and_more_columns(encoder: PackedEncoder) -> None:
    schema = pa.schema(
        [
            ("title", pa.string()),
            ("entry_key", pa.int32()),
            ("text", pa.large_string()),
            ("input_hash", pa.binary(16)),
        ]
    )
    content = rows() | {"entry_key": [1, 2, 3], "title": ["x", "y", "z"]}
    one = pa.Table.from_pydict(content, schema=schema)
    table = embed_batch(pa.concat_tables([one, one]), encoder)
    assert table.schema == vector_schema(384)
    assert table.column("entry_key").to_pylist() == [1, 2, 3, 1, 2, 3]
    first, second = table.slice(0, 3), table.slice(3)
    np.testing.assert_allclose(
        np.array(first.column("vector").to_pylist()),
        np.array(second.column("vector").to_pylist()),
        atol=1e-5,
    )


def test_no_rows_give_an_empty_table(encoder: PackedEncoder) -> None:
    table = embed_batch(INPUT_SCHEMA.empty_table(), encoder)
    assert table.num_rows == 0
    assert table.schema == vector_schema(384)


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"text": None}, "text", "the batch has no such column"),
        ({"text": ["a", None, "b"]}, "text", "the column holds 1 nulls"),
        ({"entry_key": ["seven", "8", "9"]}, "entry_key", "seven"),
        ({"input_hash": [[1], [2], [3]]}, "input_hash", "cast"),
    ],
)
def test_other_columns_are_refused(
    encoder: PackedEncoder, change: dict[str, list | None], field: str, reason: str
) -> None:
    columns = {name: values for name, values in (rows() | change).items() if values is not None}
    with pytest.raises(InvalidFieldError, match=reason) as raised:
        embed_batch(pa.Table.from_pydict(columns), encoder)
    assert raised.value.field == field
    assert "entry_key, text, input_hash" in raised.value.remedy
