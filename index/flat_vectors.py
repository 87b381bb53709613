"""The vectors of a small shard, searched by an exact pass over the permitted rows."""

import numpy as np
import numpy.typing as npt

from index.kernels import half_scores
from index.nearest import NearestRows, RowMask, permitted_ids
from index.ranking import best_positions


class FlatVectors:
    """Vectors of a small shard.

    Parameters
    ----------
    rows
        (n, dimension) float16 of length 1.
    """

    def __init__(self, rows: npt.NDArray[np.float16]) -> None:
        self._rows = rows

    def nearest(
        self, query: npt.NDArray[np.float32], permitted: RowMask | None, k: int
    ) -> NearestRows:
        """Find the permitted rows with the highest cosine; see ``Vectors.nearest``.

        O(m * dimension) for m permitted rows: about 2 ms for 20,000 rows of 384 components.
        """
        row_ids = permitted_ids(permitted, len(self._rows))
        scores = half_scores(query, self._rows, row_ids)
        best = best_positions(scores, k)
        return NearestRows(row_ids[best], scores[best], "exact")
