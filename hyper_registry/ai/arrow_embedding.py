"""The pure function of batch embedding: Arrow texts in, Arrow vectors out."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false
# (pyarrow has no annotations)

import pyarrow as pa

from hyper_registry.ai.text_encoder import TextEncoder
from hyper_registry.domain.errors.input import InvalidFieldError

INPUT_SCHEMA = pa.schema(
    [
        pa.field("entry_key", pa.int64(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("input_hash", pa.binary(), nullable=False),
    ]
)
"""Columns that `embed_batch` reads; further ones are passed over."""


def vector_schema(dimension: int) -> pa.Schema:
    """Return the schema of `embed_batch`'s result for vectors of `dimension`."""
    return pa.schema(
        [
            pa.field("entry_key", pa.int64(), nullable=False),
            pa.field("input_hash", pa.binary(), nullable=False),
            pa.field("vector", pa.list_(pa.float32(), dimension), nullable=False),
        ]
    )


def embed_batch(batch: pa.RecordBatch | pa.Table, encoder: TextEncoder) -> pa.Table:
    """Embed the texts of a batch.

    Parameters
    ----------
    batch
        Columns ``entry_key int64``, ``text string`` and ``input_hash binary``, without nulls; a
        narrower or wider variant of these types is cast.
    encoder
        The loaded model.

    Returns
    -------
    pyarrow.Table
        ``entry_key int64``, ``input_hash binary`` as they came, and ``vector
        fixed_size_list<float32>[encoder.dimension]``, L2-normalised; one row for each of
        `batch`, in its order.

    Raises
    ------
    InvalidFieldError
        If a column is missing, has another type or holds nulls.
    """
    table = batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch])
    columns = {field.name: _column(table, field) for field in INPUT_SCHEMA}
    vectors = encoder.encode(columns["text"].to_pylist())
    values = pa.array(vectors.reshape(-1), pa.float32())
    return pa.table(
        [
            columns["entry_key"],
            columns["input_hash"],
            pa.FixedSizeListArray.from_arrays(values, encoder.dimension),
        ],
        schema=vector_schema(encoder.dimension),
    )


def _column(table: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    remedy = f"Give a batch with the columns {', '.join(INPUT_SCHEMA.names)}, without nulls."
    if field.name not in table.column_names:
        raise InvalidFieldError(field.name, "the batch has no such column", remedy)
    column = table.column(field.name)
    if column.null_count:
        raise InvalidFieldError(field.name, f"the column holds {column.null_count} nulls", remedy)
    try:
        return column.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InvalidFieldError(field.name, str(error), remedy) from error
