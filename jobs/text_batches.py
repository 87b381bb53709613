"""Planning of an embedding job: how many workers, and which texts go together."""

# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# (pyarrow has no annotations)

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from hyper_registry.ai.arrow_embedding import INPUT_SCHEMA
from hyper_registry.storage.search_store import EmbeddingInput

ROWS_PER_WORKER = 500
"""Fewer rows than this do not repay the seconds in which a further worker loads the model."""

TEXTS_PER_CPU_S = 150
"""Short texts that one CPU embeds in a second, for the estimate before the work."""


@dataclass(frozen=True, slots=True)
class EmbeddingPlan:
    """What an embedding job is about to do.

    Attributes
    ----------
    rows
        Entries without a valid vector.
    workers
        Processes that hold the model.
    estimated_s
        Seconds that it will take, without the workers' start.
    """

    rows: int
    workers: int
    estimated_s: float


def plan_embedding(rows: int, cpus: int) -> EmbeddingPlan:
    """Decide how many workers embed `rows` texts on a cluster of `cpus`.

    >>> plan_embedding(1_000_000, 2)
    EmbeddingPlan(rows=1000000, workers=2, estimated_s=3333.3)
    >>> plan_embedding(40, 16).workers
    1
    """
    workers = min(cpus, max(1, rows // ROWS_PER_WORKER))
    return EmbeddingPlan(rows, workers, round(rows / (workers * TEXTS_PER_CPU_S), 1))


def batches_by_length(
    inputs: Sequence[EmbeddingInput], batch_rows: int
) -> list[Sequence[EmbeddingInput]]:
    """Cut `inputs` into batches of texts of similar length, the longest first.

    The longest first, so that no worker begins with one when the others have finished.

    Parameters
    ----------
    batch_rows
        Texts in a batch, at least 1.
    """
    by_length = sorted(inputs, key=lambda item: -len(item.text))
    return [by_length[at : at + batch_rows] for at in range(0, len(by_length), batch_rows)]


def arrow_batch(inputs: Sequence[EmbeddingInput]) -> pa.Table:
    """Return `inputs` as a table of `hyper_registry.ai.arrow_embedding.INPUT_SCHEMA`."""
    return pa.table(
        {
            "entry_key": [item.key for item in inputs],
            "text": [item.text for item in inputs],
            "input_hash": [item.input_hash for item in inputs],
        },
        schema=INPUT_SCHEMA,
    )
