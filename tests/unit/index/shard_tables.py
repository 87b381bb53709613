"""Builders of the tables and shards that the index tests search."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from index.shard_writer import build_shard, shard_directory
from index.snapshot_writer import write_snapshot_manifest

MODEL = "all-MiniLM-L6-v2@1"


def unit_rows(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def clustered_vectors(
    count: int, dimension: int = 384, *, clusters: int = 50, seed: int = 1
) -> npt.NDArray[np.float32]:
    random = np.random.default_rng(seed)
    centres = random.standard_normal((clusters, dimension))
    members = centres[random.integers(0, clusters, count)]
    return unit_rows(members + 0.9 * random.standard_normal((count, dimension)))


def vector_column(vectors: npt.NDArray[np.float32]) -> pa.Array:
    values = pa.array(np.ascontiguousarray(vectors).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(values, vectors.shape[1])


def shard_table(
    vectors: npt.NDArray[np.float32], columns: Mapping[str, Sequence[Any]] | None = None
) -> pa.Table:
    """A table that keeps the contract, with keys 0 to n - 1; ``columns`` replaces some."""
    count = len(vectors)
    strings, lists = pa.string(), pa.list_(pa.string())
    types = {
        "entry_key": pa.int64(),
        "category": strings,
        "status": strings,
        "owner": strings,
        "compliance_status": strings,
        "tags": lists,
        "readers": lists,
    }
    values: dict[str, Sequence[Any]] = {
        "entry_key": range(count),
        "category": ["library"] * count,
        "status": ["active"] * count,
        "owner": [None] * count,
        "compliance_status": ["unknown"] * count,
        "tags": [[]] * count,
        "readers": [["*"]] * count,
        **(columns or {}),
    }
    arrays = {name: pa.array(values[name], kind) for name, kind in types.items()}
    return pa.table({"vector": vector_column(vectors), **arrays})


def publish(version: Path, tables: Sequence[pa.Table], **options: Any) -> Path:
    """Build one shard per table and publish the version."""
    for number, table in enumerate(tables):
        settings: dict[str, Any] = {"model_id": MODEL, "snapshot_xid": 77, **options}
        build_shard(
            table,
            shard_directory(version, number),
            shard_number=number,
            shard_count=len(tables),
            **settings,
        )
    write_snapshot_manifest(version)
    return version
