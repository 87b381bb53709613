"""Mapping the files that ``index.vector_writer`` wrote."""

from pathlib import Path
from typing import TypeVar

import faiss
import numpy as np
import numpy.typing as npt

from index.errors import IndexFormatError
from index.fast_scan_vectors import FastScanVectors
from index.flat_vectors import FlatVectors
from index.manifest import ShardManifest, VectorKind
from index.nearest import Vectors
from index.vector_writer import HALF_FILE, INT8_FILE, SCALES_FILE, SCAN_FILE

_Item = TypeVar("_Item", bound=np.generic)


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


def mapped_array(path: Path, shape: tuple[int, ...], dtype: type[_Item]) -> npt.NDArray[_Item]:
    """Map an array file read-only.

    Raises
    ------
    IndexFormatError
        The file is missing, or no array of this shape and type in C order.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise IndexFormatError(str(path), f"cannot be read as an array: {error}") from error
    if array.shape != shape or array.dtype != dtype or not array.flags.c_contiguous:
        reason = f"holds {array.shape} {array.dtype}, expected {shape} {np.dtype(dtype)}"
        raise IndexFormatError(str(path), reason)
    # The plain array type: every slice of a memmap would pay for the subclass.
    return array.view(np.ndarray)


def _read_scan(path: Path, shape: tuple[int, int]) -> faiss.Index:
    try:
        scan = faiss.read_index(str(path))
    except RuntimeError as error:
        raise IndexFormatError(str(path), f"FAISS cannot read it: {error}") from error
    if (scan.ntotal, scan.d) != shape or scan.metric_type != faiss.METRIC_INNER_PRODUCT:
        reason = f"holds {scan.ntotal} rows of {scan.d}, expected {shape[0]} of {shape[1]}"
        raise IndexFormatError(str(path), reason)
    return scan
