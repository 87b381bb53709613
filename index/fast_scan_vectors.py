"""The vectors of a large shard: scan of 4-bit codes, mask, int8, full precision.

The scan ranks rows by approximate scores and returns the best of them, whatever the filter. Whether
a hit may have been cut off is checked on every answer: where the filter goes against the query (a
category that the query does not speak of), the permitted rows lie deep in the scan's ranking, and
the few that are returned are there by the errors of their codes rather than by merit. A fixed
number of survivors misses that: recall fell to .55 at 60 to 100 survivors, .8 at 200 to 300.
"""

import faiss
import numpy as np
import numpy.typing as npt

from index.faiss_threads import one_faiss_thread
from index.kernels import half_scores, int8_scores
from index.nearest import NearestRows, RowIds, RowMask, permitted_ids
from index.ranking import best_positions
from index.scan_plan import ScanPlan, plan_scan

_Scores = npt.NDArray[np.float32]

# Standard errors of the codes by which a hit must clear the scan's cut-off. On the hardest data
# tried (no structure but 20 round clusters of 5,000) 2 gives recall .95 and 3 gives .998; on real
# catalogue texts the first fetch nearly always clears either.
_SAFE_MARGIN = 3.0


class FastScanVectors:
    """Vectors of a large shard.

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

    def nearest(self, query: _Scores, permitted: RowMask | None, k: int) -> NearestRows:
        """Find the permitted rows with the highest cosine; see ``Vectors.nearest``.

        O(n * dimension / 8) bytes read by the scan, or O(m * dimension) for an exact pass over m
        permitted rows. Which of the two comes first is decided by ``plan_scan``.
        """
        row_count = len(self._rows)
        count = row_count if permitted is None else int(np.count_nonzero(permitted))
        return self.nearest_by_plan(query, permitted, k, plan_scan(row_count, count, k))

    def nearest_by_plan(
        self, query: _Scores, permitted: RowMask | None, k: int, plan: ScanPlan
    ) -> NearestRows:
        """Find the permitted rows with the highest cosine in the steps of a given plan.

        Parameters
        ----------
        query, permitted, k
            As for ``nearest``.
        plan
            The steps.

        Returns
        -------
        NearestRows
            As for ``nearest``.
        """
        for fetch in plan.fetches:
            row_ids, rough, cut_off = self._scanned(query, permitted, fetch)
            if len(row_ids) < max(plan.enough, k):
                continue
            refined = self._refined(query, row_ids, plan.refined)
            scores = half_scores(query, self._rows, row_ids[refined])
            last_resort = fetch == plan.fetches[-1] and not plan.exact_after_scan
            if last_resort or _beyond_cut_off(scores, rough[refined], cut_off, k):
                return _best(row_ids[refined], scores, k, "scan")
        row_ids = permitted_ids(permitted, len(self._rows))
        row_ids = row_ids[self._refined(query, row_ids, plan.refined)]
        scores = half_scores(query, self._rows, row_ids)
        return _best(row_ids, scores, k, "scan+exact" if plan.fetches else "exact")

    def _scanned(
        self, query: _Scores, permitted: RowMask | None, fetch: int
    ) -> tuple[RowIds, _Scores, float]:
        """Permitted rows among the best of the scan, their approximate scores, and the lowest one.

        The lowest is -inf when the scan returned every row, so that none was cut off.
        """
        with one_faiss_thread():
            scores, row_ids = self._scan.search(query[None], fetch)
        # FAISS fills missing places with -1.
        found = row_ids[0] >= 0
        scores, row_ids = scores[0][found], row_ids[0][found].astype(np.int32)
        cut_off = float(scores.min()) if len(row_ids) < len(self._rows) else -np.inf
        if permitted is not None:
            survives = permitted[row_ids]
            scores, row_ids = scores[survives], row_ids[survives]
        order = np.argsort(row_ids)
        return row_ids[order], scores[order], cut_off

    def _refined(self, query: _Scores, row_ids: RowIds, count: int) -> npt.NDArray[np.int64]:
        """Positions of the best rows by int8 scores."""
        if len(row_ids) <= count:
            return np.arange(len(row_ids))
        return best_positions(int8_scores(query, self._int8_rows, self._scales, row_ids), count)


def _beyond_cut_off(scores: _Scores, rough: _Scores, cut_off: float, k: int) -> bool:
    """Whether a row as good as the k-th hit would hardly have been cut off by the scan.

    The errors of the codes are estimated from the refined rows themselves. Rows that came in by
    their errors alone lie close above the cut-off, which makes the check fail as it should.

    Parameters
    ----------
    scores
        (m,) float32 cosines of the refined rows, m at least k.
    rough
        (m,) float32 scores of the same rows by the scan.
    cut_off
        Lowest score that the scan returned.
    k
        Hits asked for.
    """
    errors = rough - scores
    lowest_hit = np.partition(scores, len(scores) - k)[len(scores) - k]
    return bool(lowest_hit + errors.mean() - _SAFE_MARGIN * errors.std() >= cut_off)


def _best(row_ids: RowIds, scores: _Scores, k: int, strategy: str) -> NearestRows:
    best = best_positions(scores, k)
    return NearestRows(row_ids[best], scores[best], strategy)
