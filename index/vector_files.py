"""Mapping the files that ``index.vector_writer`` wrote."""

from pathlib import Path

import faiss
import numpy as np

from index.array_files import mapped_array
from index.errors import IndexFormatError
from index.fast_scan_vectors import FastScanVectors
from index.flat_vectors import FlatVectors
from index.manifest import ShardManifest, VectorKind
from index.nearest import Vectors
from index.vector_writer import HALF_FILE, INT8_FILE, SCALES_FILE, SCAN_FILE


def open_vectors(directory: Path, manifest: ShardManifest) -> Vectors:
    """Map the vectors of a shard.

    Raises
    ------
    IndexFormatError
        A file is missing, unreadable, or does not hold what the manifest says.
    """
    shape = (manifest.row_count, manifest.dimension)
    rows = mapped_array(directory / HALF_FILE, shape, np.float16)
    if manifest.vector_kind is VectorKind.FLAT:
        return FlatVectors(rows)
    return FastScanVectors(
        rows=rows,
        int8_rows=mapped_array(directory / INT8_FILE, shape, np.int8),
        scales=mapped_array(directory / SCALES_FILE, shape[:1], np.float32),
        scan=_read_scan(directory / SCAN_FILE, shape),
    )


def _read_scan(path: Path, shape: tuple[int, int]) -> faiss.Index:
    try:
        scan = faiss.read_index(str(path))
    except RuntimeError as error:
        raise IndexFormatError(str(path), f"FAISS cannot read it: {error}") from error
    if (scan.ntotal, scan.d) != shape or scan.metric_type != faiss.METRIC_INNER_PRODUCT:
        reason = f"holds {scan.ntotal} rows of {scan.d}, expected {shape[0]} of {shape[1]}"
        raise IndexFormatError(str(path), reason)
    return scan
