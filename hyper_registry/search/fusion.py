"""Fusing ranked lists whose scores have different scales."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Fused:
    """One fused candidate: its score and what each list gave, all 0 to 1."""

    score: float
    parts: dict[str, float]


def fuse_weighted(
    lists: Mapping[str, Mapping[K, float]], weights: Mapping[str, float]
) -> dict[K, Fused]:
    """Fuse by the weighted sum of min-max scaled scores, best first; ties keep list order.

    Parameters
    ----------
    lists
        Scores by candidate, one mapping a list.
    weights
        Weight of each list, at least 0; scaled so that those of the given lists sum to 1.

    Returns
    -------
    dict
        By candidate. A candidate that a list lacks gets 0 from it; the worst of a list gets a
        little more than that, so being in a list always counts.

    Examples
    --------
    >>> fused = fuse_weighted({"a": {1: 9.0, 2: 3.0}, "b": {2: 0.5}}, {"a": 0.6, "b": 0.4})
    >>> [(key, round(item.score, 2)) for key, item in fused.items()]
    [(1, 0.6), (2, 0.46)]

    Notes
    -----
    O(n log n) for n candidates. Min-max scaling keeps the gaps between scores, which rank fusion
    throws away.
    """
    return _fused({name: _min_max(scores) for name, scores in lists.items()}, weights)


def fuse_reciprocal_rank(lists: Mapping[str, Mapping[K, float]], *, k: int = 60) -> dict[K, Fused]:
    """Fuse by the sum of 1 / (k + rank), best first; ties keep list order.

    Parameters
    ----------
    lists
        Scores by candidate, one mapping a list; equal scores share a rank.
    k
        The larger, the less the first ranks stand out.

    Returns
    -------
    dict
        By candidate, scaled so that the first of every list gets 1.

    Examples
    --------
    >>> fused = fuse_reciprocal_rank({"a": {1: 9.0, 2: 3.0}, "b": {2: 0.5}})
    >>> [(key, round(item.score, 3)) for key, item in fused.items()]
    [(2, 0.992), (1, 0.5)]

    Notes
    -----
    O(n log n) for n candidates. Cormack, Clarke, Buettcher, "Reciprocal rank fusion outperforms
    Condorcet and individual rank learning methods", SIGIR 2009.
    """
    scaled = {
        name: {key: (k + 1) / (k + rank) for key, rank in _ranks(scores).items()}
        for name, scores in lists.items()
    }
    return _fused(scaled, dict.fromkeys(lists, 1.0))


def _fused(scaled: Mapping[str, Mapping[K, float]], weights: Mapping[str, float]) -> dict[K, Fused]:
    total = sum(weights[name] for name in scaled) or 1.0
    candidates = dict.fromkeys(key for scores in scaled.values() for key in scores)
    fused = {
        key: Fused(
            sum(weights[name] * scores.get(key, 0.0) for name, scores in scaled.items()) / total,
            {name: scores[key] for name, scores in scaled.items() if key in scores},
        )
        for key in candidates
    }
    return dict(sorted(fused.items(), key=lambda item: -item[1].score))


def _ranks(scores: Mapping[K, float]) -> dict[K, int]:
    ordered = sorted(scores.items(), key=lambda item: -item[1])
    first_place: dict[float, int] = {}
    return {
        key: first_place.setdefault(score, place) for place, (key, score) in enumerate(ordered, 1)
    }


_FLOOR = 0.1


def _min_max(scores: Mapping[K, float]) -> dict[K, float]:
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    span = high - low
    if span == 0:
        return dict.fromkeys(scores, 1.0)
    return {key: _FLOOR + (1 - _FLOOR) * (score - low) / span for key, score in scores.items()}
