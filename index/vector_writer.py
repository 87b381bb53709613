"""Writing the vectors of a shard: full-precision rows and, for large shards, the scan's codes."""

from collections.abc import Iterator
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from index.array_files import write_array
from index.errors import IndexInputError
from index.faiss_threads import one_faiss_thread
from index.kernels import encode_half
from index.manifest import VectorKind
from index.shard_table import ShardRows

HALF_FILE = "vectors.f16.npy"
INT8_FILE = "vectors.i8.npy"
SCALES_FILE = "vectors.scales.npy"
SCAN_FILE = "vectors.pq4fs.faiss"

FLAT_ROWS = 20_000
"""Below this number of rows an exact pass answers in about two milliseconds."""

# A code of 4 bits per 4 components; 16 centroids want 39 rows each at the least.
_COMPONENTS_PER_CODE = 4
_LEAST_TRAINING_ROWS = 16 * 39
# FAISS trains on 256 rows a centroid, which it draws from these; more changed no recall.
_MOST_TRAINING_ROWS = 16_384
_TRAINING_SEED = 20_240_601


def chosen_kind(row_count: int, flat_below: int) -> VectorKind:
    """Choose how a shard's vectors are to be searched.

    Parameters
    ----------
    row_count
        Rows in the shard.
    flat_below
        Shards with fewer rows are flat; so are those too small to train the scan's codes.
    """
    if row_count < max(flat_below, _LEAST_TRAINING_ROWS):
        return VectorKind.FLAT
    return VectorKind.FAST_SCAN


def write_vectors(rows: ShardRows, kind: VectorKind, directory: Path) -> None:
    """Write the vectors' files for a kind of search.

    O(n * dimension). Needs, beyond the given rows, about 100 MB and a fifth of a byte per
    component.

    Parameters
    ----------
    rows
        The shard's rows.
    kind
        How they are to be searched.
    directory
        Existing directory to write into.

    Raises
    ------
    IndexInputError
        The scan's codes do not divide the vectors' dimension.
    OSError
        A file cannot be written.
    """
    shape = rows.vectors.shape
    half = (encode_half(rows.unit_vectors(block)) for block in rows.blocks())
    write_array(directory / HALF_FILE, shape, np.float16, half)
    if kind is VectorKind.FAST_SCAN:
        scales = np.empty(shape[0], np.float32)
        write_array(directory / INT8_FILE, shape, np.int8, _int8_blocks(rows, scales))
        write_array(directory / SCALES_FILE, scales.shape, np.float32, iter([scales]))
        # Serialised first, because faiss reports a full disk without saying so.
        (directory / SCAN_FILE).write_bytes(faiss.serialize_index(_scan_index(rows)).data)


def write_keys(entry_keys: npt.NDArray[np.int64], path: Path) -> None:
    """Write the keys of a shard's rows.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    write_array(path, entry_keys.shape, np.int64, iter([entry_keys]))


def _int8_blocks(
    rows: ShardRows, scales: npt.NDArray[np.float32]
) -> Iterator[npt.NDArray[np.int8]]:
    """Round each row to 255 steps of its own; fills ``scales`` with the size of a step.

    A scale per row keeps one vector with an unusually large component from coarsening all others.
    """
    for block in rows.blocks():
        vectors = rows.unit_vectors(block)
        steps = np.abs(vectors).max(axis=1) / 127
        scales[block] = steps
        yield np.rint(vectors / steps[:, None]).astype(np.int8)


def _scan_index(rows: ShardRows) -> faiss.Index:
    """Train 4-bit product-quantisation codes on a random sample and encode all rows.

    Fast scan: André, Kermarrec, Le Scouarnec, "Cache locality is not enough: High-performance
    nearest neighbor search with product quantization fast scan", VLDB 2015.
    """
    row_count, dimension = rows.vectors.shape
    if dimension % _COMPONENTS_PER_CODE:
        reason = f"{dimension} components do not divide by {_COMPONENTS_PER_CODE}"
        raise IndexInputError("vector", None, f"{reason}: build the shard as flat")
    codes = dimension // _COMPONENTS_PER_CODE
    index = faiss.index_factory(dimension, f"PQ{codes}x4fs", faiss.METRIC_INNER_PRODUCT)
    # Rows are sorted by key, so by age: only a random sample represents them all.
    random = np.random.default_rng(_TRAINING_SEED)
    sample = random.choice(row_count, min(row_count, _MOST_TRAINING_ROWS), replace=False)
    with one_faiss_thread():
        index.train(rows.unit_vectors(np.sort(sample)))
        for block in rows.blocks():
            index.add(rows.unit_vectors(block))
    return index
