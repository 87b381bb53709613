"""The memory-mapped vectors of one shard and the search for the nearest permitted rows.

Nothing here changes after opening and no search leaves a trace, so any number of threads may
search at once; each search runs on its calling thread alone.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import faiss
import numpy as np
import numpy.typing as npt

from index.errors import IndexFormatError
from index.faiss_threads import one_faiss_thread
from index.kernels import half_scores, int8_scores
from index.manifest import ShardManifest, VectorKind
from index.ranking import best_positions
from index.scan_plan import ScanPlan, plan_scan
from index.vector_writer import HALF_FILE, INT8_FILE, SCALES_FILE, SCAN_FILE

_RowIds = npt.NDArray[np.int32]
_Mask = npt.NDArray[np.bool_]
_Item = TypeVar("_Item", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class NearestRows:
    """Rows of one shard nearest to a query.

    Attributes
    ----------
    row_ids
        (m,) int32, rising.
    scores
        (m,) float32 cosines of the rows.
    strategy
        How they were found, as ``Candidates.strategy`` lists it.
    """

    row_ids: _RowIds
    scores: npt.NDArray[np.float32]
    strategy: str


class Vectors(Protocol):
    """The vectors of one shard."""

    def nearest(
        self, query: npt.NDArray[np.float32], permitted: _Mask | None, k: int
    ) -> NearestRows:
        """Find the permitted rows with the highest cosine.

        Parameters
        ----------
        query
            (dimension,) float32 of length 1.
        permitted
            (n,) bool with at least one true; None permits all rows.
        k
            Rows to find.

        Returns
        -------
        NearestRows
            Exactly ``k`` rows, or all permitted ones where there are fewer.
        """
        ...


class FlatVectors:
    """Vectors of a small shard: an exact pass over the permitted rows.

    Parameters
    ----------
    rows
        (n, dimension) float16 of length 1.
    """

    def __init__(self, rows: npt.NDArray[np.float16]) -> None:
        self._rows = rows

    def nearest(
        self, query: npt.NDArray[np.float32], permitted: _Mask | None, k: int
    ) -> NearestRows:
        """Find the permitted rows with the highest cosine; see ``Vectors.nearest``.

        O(m * dimension) for m permitted rows: about 2 ms for 20,000 rows of 384 components.
        """
        row_ids = _permitted_ids(permitted, len(self._rows))
        scores = half_scores(query, self._rows, row_ids)
        best = best_positions(scores, k)
        return NearestRows(row_ids[best], scores[best], "exact")


class FastScanVectors:
    """Vectors of a large shard: scan of 4-bit codes, mask, int8, full precision.

    Parameters
    ----------
    rows
        (n, dimension) float16 of length 1.
    int8_rows
        (n, dimension) int8.
    scales
        (n,) float32: ``int8_rows[i] * scales[i]`` is row i.
    scan
        FAISS fast-scan index over the same rows in the same order.
    """

    def __init__(
        self,
        rows: npt.NDArray[np.float16],
        int8_rows: npt.NDArray[np.int8],
        scales: npt.NDArray[np.float32],
        scan: faiss.Index,
    ) -> None:
        self._rows = rows
        self._int8_rows = int8_rows
        self._scales = scales
        self._scan = scan

    def nearest(
        self, query: npt.NDArray[np.float32], permitted: _Mask | None, k: int
    ) -> NearestRows:
        """Find the permitted rows with the highest cosine; see ``Vectors.nearest``.

        O(n * dimension / 8) bytes read by the scan, or O(m * dimension) for an exact pass over m
        permitted rows. Which of the two is decided by ``plan_scan``.
        """
        row_count = len(self._rows)
        count = row_count if permitted is None else int(np.count_nonzero(permitted))
        return self.nearest_by_plan(query, permitted, k, plan_scan(row_count, count, k))

    def nearest_by_plan(
        self, query: npt.NDArray[np.float32], permitted: _Mask | None, k: int, plan: ScanPlan
    ) -> NearestRows:
        """Find the permitted rows with the highest cosine in the steps of a given plan.

        Parameters
        ----------
        query, permitted, k
            As for ``nearest``.
        plan
            The steps. After scans that leave fewer rows than are to be refined, the exact pass
            answers, so that no hit is missed for want of survivors.
        """
        row_count = len(self._rows)
        refined = max(plan.refined, k)
        for fetch in plan.fetches:
            row_ids = self._scanned(query, min(fetch, row_count))
            if permitted is not None:
                row_ids = row_ids[permitted[row_ids]]
            if len(row_ids) >= min(refined, row_count):
                return self._refined(query, np.sort(row_ids), refined, k, "scan")
        row_ids = _permitted_ids(permitted, row_count)
        strategy = "scan+exact" if plan.fetches else "exact"
        return self._refined(query, row_ids, refined, k, strategy)

    def _scanned(self, query: npt.NDArray[np.float32], fetch: int) -> _RowIds:
        with one_faiss_thread():
            _, row_ids = self._scan.search(query[None], fetch)
        found = row_ids[0]
        # FAISS fills missing places with -1.
        return found[found >= 0].astype(np.int32)

    def _refined(
        self, query: npt.NDArray[np.float32], row_ids: _RowIds, refined: int, k: int, strategy: str
    ) -> NearestRows:
        """Rank rows by int8, the best of them by full precision."""
        if len(row_ids) > refined:
            rough = int8_scores(query, self._int8_rows, self._scales, row_ids)
            row_ids = row_ids[best_positions(rough, refined)]
        scores = half_scores(query, self._rows, row_ids)
        best = best_positions(scores, k)
        return NearestRows(row_ids[best], scores[best], strategy)


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


def _permitted_ids(permitted: _Mask | None, row_count: int) -> _RowIds:
    if permitted is None:
        return np.arange(row_count, dtype=np.int32)
    return np.flatnonzero(permitted).astype(np.int32)
