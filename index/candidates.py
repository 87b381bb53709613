"""What a search in one or more shards proposes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from index.ranking import ranked


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Rows proposed for one query, best first; of equal scores the lower key first.

    Attributes
    ----------
    entry_keys
        (m,) int64.
    scores
        (m,) float32 cosine, falling.
    permitted_rows
        Rows that satisfy the filter, exactly counted, in all shards that answered.
    strategy
        How the rows were found: ``none`` (no row satisfies the filter), ``exact``,
        ``scan`` (4-bit scan, mask, re-ranking) or ``scan+exact`` (the scan left too few rows); the
        strategies of several shards in alphabetical order, joined by commas.
    """

    entry_keys: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    permitted_rows: int
    strategy: str

    @property
    def complete(self) -> bool:
        """Whether every row that satisfies the filter is here: a larger k would bring no more."""
        return len(self.entry_keys) == self.permitted_rows


def merge_candidates(parts: Sequence[Candidates], k: int) -> Candidates:
    """Merge the answers of disjoint shards to one query.

    O(m log m) for m candidates.

    Parameters
    ----------
    parts
        Answers, each with the best ``k`` of its shard.
    k
        Hits to keep.

    Returns
    -------
    Candidates
        The best ``k`` of all.
    """
    if not parts:
        return Candidates(np.empty(0, np.int64), np.empty(0, np.float32), 0, "none")
    keys = np.concatenate([part.entry_keys for part in parts])
    scores = np.concatenate([part.scores for part in parts])
    order = ranked(scores, keys, k)
    strategies = {name for part in parts for name in part.strategy.split(",")} - {"none"}
    return Candidates(
        entry_keys=keys[order],
        scores=scores[order],
        permitted_rows=sum(part.permitted_rows for part in parts),
        strategy=",".join(sorted(strategies)) or "none",
    )
