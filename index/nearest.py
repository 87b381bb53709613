"""What every kind of vector storage answers."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

RowIds = npt.NDArray[np.int32]
RowMask = npt.NDArray[np.bool_]


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

    row_ids: RowIds
    scores: npt.NDArray[np.float32]
    strategy: str


class Vectors(Protocol):
    """The vectors of one shard: read-only, safe for concurrent searches, each on its own thread."""

    def nearest(
        self, query: npt.NDArray[np.float32], permitted: RowMask | None, k: int
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


def permitted_ids(permitted: RowMask | None, row_count: int) -> RowIds:
    """Row numbers that a mask permits, rising; None permits all."""
    if permitted is None:
        return np.arange(row_count, dtype=np.int32)
    return np.flatnonzero(permitted).astype(np.int32)
