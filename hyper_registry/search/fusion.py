"""Fusing ranked lists whose scores have different scales."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

K = TypeVar("K")

_FLOOR = 0.1


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


_WORD_WEIGHT = 2.5
_USUAL_SPREAD = 0.1


def fuse_adaptive(
    text: Mapping[K, float], vector: Mapping[K, float], *, rarest: float
) -> dict[K, Fused]:
    """Fuse text and meaning by how much evidence each has for this query, best first.

    The score is ``2.5 * text / rarest + (similarity - least) / spread``, where the first term is 0
    outside the text's list and the second outside that of meaning; ``least`` is the least
    similarity of its list, and ``spread`` the root of the mean of their variance and ``0.1**2``.

    Parameters
    ----------
    text
        Scores that add up over a query's words, as those of BM25 do, at least 0.
    vector
        Cosine similarities.
    rarest
        The most that one word can add to a text score if it is as rare as can be. With it, scores
        of different queries and of collections of any size are comparable.

    Returns
    -------
    dict
        By candidate; the best scores 1, parts are scaled as `fuse_weighted` does.

    Examples
    --------
    A rare word decides, a common one does not.

    >>> similar = {"near": 0.5, "other": 0.4}
    >>> list(fuse_adaptive({"other": 7.0}, similar, rarest=7.0))
    ['other', 'near']
    >>> list(fuse_adaptive({"other": 0.7}, similar, rarest=7.0))
    ['near', 'other']

    Notes
    -----
    O(n log n) for n candidates. Sums of weights of words are log-odds of relevance (S. Robertson,
    H. Zaragoza, "The probabilistic relevance framework: BM25 and beyond", 2009), so they must keep
    their size: scaled to 0..1 per query, as convex combinations do (S. Bruch, S. Gai, A. Ingber,
    "An analysis of fusion functions for hybrid retrieval", TOIS 2023), one common word that matches
    weighs as much as five rare ones. Rare words, many matched words and gaps between scores let
    text prevail; similarities that stand out from their list let meaning prevail; what both
    propose adds up. The spread of few similarities is uncertain, hence the usual one beside it.
    """
    least = min(vector.values(), default=0.0)
    spread = math.sqrt((_variance(vector) + _USUAL_SPREAD**2) / 2)
    evidence: dict[K, float] = {key: _WORD_WEIGHT * score / rarest for key, score in text.items()}
    for key, score in vector.items():
        # Being in a list always counts a little, even at its end.
        evidence[key] = evidence.get(key, 0.0) + _FLOOR + (score - least) / spread
    best = max(evidence.values(), default=0.0) or 1.0
    parts = {"text": _min_max(text), "vector": _min_max(vector)}
    fused = {
        key: Fused(
            score / best, {name: scaled[key] for name, scaled in parts.items() if key in scaled}
        )
        for key, score in evidence.items()
    }
    return dict(sorted(fused.items(), key=lambda item: -item[1].score))


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


def _variance(scores: Mapping[K, float]) -> float:
    if not scores:
        return 0.0
    mean = math.fsum(scores.values()) / len(scores)
    return math.fsum((score - mean) ** 2 for score in scores.values()) / len(scores)


def _min_max(scores: Mapping[K, float]) -> dict[K, float]:
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    span = high - low
    if span == 0:
        return dict.fromkeys(scores, 1.0)
    return {key: _FLOOR + (1 - _FLOOR) * (score - low) / span for key, score in scores.items()}
