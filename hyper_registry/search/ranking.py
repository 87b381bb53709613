"""From what each part of search proposes to one ranking."""

from dataclasses import dataclass

from hyper_registry.domain.identifiers import EntryKey
from hyper_registry.domain.search import Fusion
from hyper_registry.search.fusion import (
    Fused,
    fuse_adaptive,
    fuse_reciprocal_rank,
    fuse_weighted,
)
from hyper_registry.search.nearest import Nearest
from hyper_registry.search.text_matches import TextMatches

_UNRELATED = 0.5


@dataclass(frozen=True, slots=True)
class Ranking:
    """How candidates are weighed.

    Attributes
    ----------
    vector_weight, text_weight, filter_weight
        Of weighted fusion; that of meeting the filters counts where there are any, and raises all
        hits alike.
    vector_threshold
        Least cosine similarity of a candidate that meaning alone proposes; adaptive fusion, which
        compares a similarity with the others, leaves out only what is below half of it.
    candidates
        How many each part of search proposes.
    sentences
        Into how many parts a query of several sentences is taken to find what is near to one.
    """

    vector_weight: float = 0.5
    text_weight: float = 0.3
    filter_weight: float = 0.2
    vector_threshold: float = 0.5
    candidates: int = 100
    fusion: Fusion = Fusion.ADAPTIVE
    sentences: int = 4


def fuse(
    ranking: Ranking,
    fusion: Fusion | None,
    matches: TextMatches | None,
    near: Nearest | None,
    *,
    filtered: bool,
) -> dict[EntryKey, Fused]:
    """Fuse what text and meaning propose, best first.

    Parameters
    ----------
    fusion
        How; None leaves it to `ranking`.
    matches, near
        None where that part of search was not asked.
    filtered
        Whether the candidates had to meet filters.
    """
    chosen = fusion or ranking.fusion
    if chosen is Fusion.ADAPTIVE:
        return _by_evidence(ranking, matches, near, filtered=filtered)
    lists: dict[str, dict[EntryKey, float]] = {}
    if matches is not None:
        lists["text"] = matches.scores
    if near is not None:
        lists["vector"] = near.candidates.scores
    if matches is not None and near is not None:
        lists["vector"] = _telling(ranking.vector_threshold, near, matches)
    if filtered:
        lists["filter"] = {key: 1.0 for scores in lists.values() for key in scores}
    if chosen is Fusion.RECIPROCAL_RANK:
        return fuse_reciprocal_rank(lists)
    weights = {
        "text": ranking.text_weight,
        "vector": ranking.vector_weight,
        "filter": ranking.filter_weight,
    }
    return fuse_weighted(lists, weights)


def _by_evidence(
    ranking: Ranking, matches: TextMatches | None, near: Nearest | None, *, filtered: bool
) -> dict[EntryKey, Fused]:
    fused = fuse_adaptive(
        {} if matches is None else matches.scores,
        {} if near is None else near.candidates.scores,
        rarest=1.0 if matches is None else matches.rarest,
    )
    if matches is not None and near is not None:
        # Only now: how similar the unrelated are tells how much a similarity says.
        telling = _telling(_UNRELATED * ranking.vector_threshold, near, matches)
        kept = {key: item for key, item in fused.items() if key in telling or key in matches.scores}
        best = max((item.score for item in kept.values()), default=1.0)
        fused = {key: Fused(item.score / best, item.parts) for key, item in kept.items()}
    if filtered:
        for item in fused.values():
            item.parts["filter"] = 1.0
    return fused


def _telling(threshold: float, near: Nearest, matches: TextMatches) -> dict[EntryKey, float]:
    """Drop what is neither near enough nor found by text."""
    scores = near.candidates.scores
    are_near = any(score >= threshold for score in scores.values())
    if not are_near and not matches.with_all_words:
        # The nearest still beat an empty answer, and one by single words alone.
        return scores
    return {
        key: score for key, score in scores.items() if score >= threshold or key in matches.scores
    }
