"""How a shard with an approximate scan answers one query: decided from three numbers, without I/O.

The scan ranks all rows and knows no filter. Where the filter lets many rows through, scanning for
more rows than asked and masking them afterwards is cheapest; where it lets few through, an exact
pass over just those rows is both cheaper and exact.
"""

import math
from dataclasses import dataclass

# Scanned rows that survive the mask, as planned: below this, errors of the 4-bit codes show.
_LEAST_SURVIVORS = 300
_SURVIVORS_PER_HIT = 10
# Where the filter spares most rows, doubling the fetch costs a tenth of a millisecond and takes
# recall from .992 to 1 on 100,000 clustered vectors.
_NARROWEST_FETCH = 2
# Fetching more than 40 times that (12,000 rows for ten hits) costs more than the exact pass.
_WIDEST_FETCH = 40
_LEAST_SELECTIVITY = 0.03
# An exact pass over so few rows takes less time than a scan of a large shard.
_EXACT_ROWS = 5_000
_LEAST_REFINED = 60
_REFINED_PER_HIT = 2


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """Steps of one search in one shard.

    Attributes
    ----------
    fetches
        Numbers of rows to fetch from the scan, tried in turn until enough rows survive the mask.
        Empty: no scan. After the last one fails, the exact pass answers.
    refined
        Rows whose int8 score is replaced by the full-precision score.
    """

    fetches: tuple[int, ...]
    refined: int


def plan_scan(row_count: int, permitted_rows: int, k: int) -> ScanPlan:
    """Plan the search for the best ``k`` of the permitted rows.

    Parameters
    ----------
    row_count
        Rows in the shard.
    permitted_rows
        Rows that satisfy the filter, 1 to ``row_count``.
    k
        Hits asked for, at least 1.

    Returns
    -------
    ScanPlan
        The steps.

    Examples
    --------
    >>> plan_scan(1_000_000, 50_000, 10)
    ScanPlan(fetches=(6000, 12000), refined=60)
    >>> plan_scan(1_000_000, 5_000, 10)
    ScanPlan(fetches=(), refined=60)
    """
    refined = max(_LEAST_REFINED, _REFINED_PER_HIT * k)
    survivors = max(_LEAST_SURVIVORS, _SURVIVORS_PER_HIT * k)
    widest = min(_WIDEST_FETCH * survivors, row_count)
    planned = math.ceil(survivors * row_count / permitted_rows)
    fetch = min(max(planned, _NARROWEST_FETCH * survivors), widest)
    selective = permitted_rows < _LEAST_SELECTIVITY * row_count
    if selective or permitted_rows <= max(_EXACT_ROWS, fetch):
        return ScanPlan((), refined)
    # A filter that goes against the query (another category than the query speaks of) leaves
    # fewer survivors than planned; a wider fetch is then still cheaper than the exact pass.
    return ScanPlan((fetch,) if fetch == widest else (fetch, widest), refined)
