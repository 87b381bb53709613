"""What a text search finds in one or more shards."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from index.ranking import ranked

Facets = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True, eq=False)
class TextHits:
    """Rows that match, best first; of equal scores the lower key first.

    Attributes
    ----------
    entry_keys
        (m,) int64.
    scores
        (m,) float32, falling, above 0.
    total
        How many rows match, exactly, whether or not they are among the hits.
    facets
        For each column asked for, how many of all that match have each of its values; values that
        none has are left out.
    """

    entry_keys: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    total: int
    facets: Facets = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class TextMatches:
    """Rows with all that a query asks for, and rows with some of it.

    Attributes
    ----------
    with_all
        Every word is there.
    with_some
        Every required word is there, or any if none is, but not all: empty if the query may not be
        relaxed. To be used where too few have all.
    """

    with_all: TextHits
    with_some: TextHits


def no_hits() -> TextHits:
    """Return hits of a search that found nothing."""
    return TextHits(np.empty(0, np.int64), np.empty(0, np.float32), 0)


def merge_text_matches(parts: Sequence[TextMatches], k: int) -> TextMatches:
    """Merge the answers of disjoint shards to one query with one set of weights.

    O(m log m) for m hits.

    Parameters
    ----------
    parts
        Answers, each with the best ``k`` of its shard.
    k
        Hits to keep of either kind.
    """
    return TextMatches(
        _merge([part.with_all for part in parts], k), _merge([part.with_some for part in parts], k)
    )


def _merge(parts: Sequence[TextHits], k: int) -> TextHits:
    if not parts:
        return no_hits()
    keys = np.concatenate([part.entry_keys for part in parts])
    scores = np.concatenate([part.scores for part in parts])
    order = ranked(scores, keys, k)
    facets: dict[str, Counter[str]] = {}
    for part in parts:
        for name, counts in part.facets.items():
            facets.setdefault(name, Counter()).update(counts)
    return TextHits(
        keys[order],
        scores[order],
        sum(part.total for part in parts),
        {name: dict(counts) for name, counts in facets.items()},
    )
