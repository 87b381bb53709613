"""How a shard with an approximate scan answers one query: decided from three numbers, without I/O.

The scan ranks all rows and knows no filter. Where the filter lets many rows through, scanning for
more rows than asked and masking them afterwards is cheapest; where it lets few through, an exact
pass over just those rows is both cheaper and exact.
"""

import math
from dataclasses import dataclass

# An exact pass over so many rows takes about as long as a scan of the whole shard: the pass reads
# 384 bytes a row, the scan 48 and a heap; the constant part is the scan's fixed cost.
_EXACT_SHARE = 0.03
_EXACT_ROWS = 5_000
# Scanned rows that are planned to survive the mask, and those that must: the scan's 4-bit codes
# put true neighbours some hundred places too low.
_LEAST_PLANNED = 600
_PLANNED_PER_HIT = 20
_ENOUGH_SHARE = 0.5
# An uncertain answer is sought again among four times as many rows, then among 20 times as many as
# planned (12,000 for ten hits); ranking still more costs more than an exact pass of half a shard.
_WIDER_FETCH = 4
_WIDEST_FETCH = 20
_LEAST_REFINED = 60
_REFINED_PER_HIT = 2
# The longest exact pass, about 6 ms, that may follow a scan whose answer is uncertain.
_AFFORDABLE_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """Steps of one search in one shard.

    Attributes
    ----------
    fetches
        Numbers of rows to fetch from the scan, tried in turn until one gives a certain answer.
        Empty: no scan. An exact pass follows the last.
    enough
        Rows that must survive the mask for a scan to be an answer at all.
    refined
        Rows whose int8 score is replaced by the full-precision score, at least k.
    exact_after_scan
        Whether an exact pass follows a widest scan that left enough rows but may have cut off a
        hit; otherwise that scan's answer stands.
    """

    fetches: tuple[int, ...]
    enough: int
    refined: int
    exact_after_scan: bool


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
    >>> plan_scan(1_000_000, 300_000, 10).fetches
    (2000, 8000, 12000)
    >>> plan_scan(1_000_000, 30_000, 10).fetches
    ()
    """
    refined = max(_LEAST_REFINED, _REFINED_PER_HIT * k)
    planned = max(_LEAST_PLANNED, _PLANNED_PER_HIT * k)
    enough = max(math.ceil(planned * _ENOUGH_SHARE), refined)
    widest = min(_WIDEST_FETCH * planned, row_count)
    fetch = min(math.ceil(planned * row_count / permitted_rows), widest)
    few_rows = _EXACT_ROWS + _EXACT_SHARE * row_count
    if permitted_rows <= max(few_rows, fetch):
        fetches = ()
    else:
        fetches = tuple(sorted({fetch, min(_WIDER_FETCH * fetch, widest), widest}))
    return ScanPlan(fetches, enough, refined, permitted_rows <= _AFFORDABLE_ROWS)
