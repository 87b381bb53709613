"""Checks of a query before any shard sees it."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from index.attributes import FACET_COLUMNS
from index.errors import IndexQueryError

MOST_HITS = 10_000
"""Most hits that one search returns: deeper pages are for a listing, not for a ranking."""


def unit_query(query: npt.NDArray[np.floating], dimension: int) -> npt.NDArray[np.float32]:
    """Check a query vector and scale it to length 1.

    Parameters
    ----------
    query
        (dimension,) of any floating type, not zero, finite; need not be normalised.
    dimension
        Components of the indexed vectors.

    Returns
    -------
    numpy.ndarray
        (dimension,) float32 of length 1, newly allocated.

    Raises
    ------
    IndexQueryError
        The shape or type differs, a component is not finite, or all are zero.
    """
    vector = np.asarray(query)
    if vector.shape != (dimension,):
        raise IndexQueryError("query", f"shape is {vector.shape}, the index holds ({dimension},)")
    if not np.issubdtype(vector.dtype, np.floating):
        raise IndexQueryError("query", f"type is {vector.dtype}, expected a floating type")
    # float64: the square of a large float32 would overflow.
    exact = vector.astype(np.float64)
    if not np.isfinite(exact).all():
        position = int(np.flatnonzero(~np.isfinite(exact))[0])
        raise IndexQueryError("query", f"component {position} is {exact[position]}, not finite")
    largest = np.abs(exact).max()
    if largest == 0:
        raise IndexQueryError("query", "all components are zero, which has no direction")
    # Dividing by the largest first keeps the squares of tiny components from vanishing.
    exact /= largest
    return (exact / np.linalg.norm(exact)).astype(np.float32)


def checked_hit_count(k: int) -> int:
    """Check the number of hits asked for.

    Raises
    ------
    IndexQueryError
        It is not a whole number from 1 to ``MOST_HITS``.
    """
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k <= MOST_HITS:
        raise IndexQueryError("k", f"is {k!r}, expected a whole number from 1 to {MOST_HITS}")
    return int(k)


def check_facets(facets: Sequence[str]) -> None:
    """Check the columns whose values are to be counted.

    Raises
    ------
    IndexQueryError
        One is not of ``index.attributes.FACET_COLUMNS``.
    """
    for name in facets:
        if name not in FACET_COLUMNS:
            reason = f"{name!r} is none of {', '.join(FACET_COLUMNS)}"
            raise IndexQueryError("facets", reason)
