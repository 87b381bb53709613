"""How alike two entries are, and what speaks for it.

All measures are symmetric: it makes no difference which of the two is asked about.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from hyper_registry.domain.identifiers import EntryId

_TITLE, _EMBEDDING, _NEIGHBOURS = 0.45, 0.40, 0.15
_OTHER_CATEGORY = 0.7
_CHARACTERS = 300
_WORD = re.compile(r"[^\W_]+")


class DuplicateEvidence(BaseModel):
    """What speaks for two entries being one thing.

    Attributes
    ----------
    title
        How alike the titles are, 0 to 1, without regard to case and the order of words.
    embedding
        Cosine of the embeddings, 0 to 1; None until both entries are embedded.
    neighbours
        Share of what is related to both in what is related to either, so far as the caller may see
        it, 0 to 1; None where nothing is.
    same_category
        Whether both are of one category; the score of others is lower.
    """

    model_config = ConfigDict(frozen=True)

    title: float
    embedding: float | None
    neighbours: float | None
    same_category: bool

    @property
    def score(self) -> float:
        """The weighted mean of what is known, 0 to 1.

        Examples
        --------
        >>> DuplicateEvidence(title=1, embedding=None, neighbours=None, same_category=False).score
        0.7
        """
        parts = (
            (_TITLE, self.title),
            (_EMBEDDING, self.embedding),
            (_NEIGHBOURS, self.neighbours),
        )
        known = [(weight, value) for weight, value in parts if value is not None]
        mean = sum(weight * value for weight, value in known) / sum(weight for weight, _ in known)
        return round(mean if self.same_category else mean * _OTHER_CATEGORY, 4)


class LikeEntry(BaseModel):
    """What tells an entry from another one at a glance."""

    model_config = ConfigDict(frozen=True)

    entry_id: EntryId
    handle: str | None
    title: str
    category: str


class DuplicateCandidate(LikeEntry):
    """An entry that may be the same thing as another one.

    Attributes
    ----------
    score
        0 to 1.
    """

    score: float
    evidence: DuplicateEvidence


class DuplicateCandidates(BaseModel):
    """Entries that may be the same thing as one entry, the likeliest first."""

    items: list[DuplicateCandidate]


class DuplicatePair(BaseModel):
    """Two entries that may be one thing."""

    model_config = ConfigDict(frozen=True)

    entry: LikeEntry
    duplicate: DuplicateCandidate


class DuplicatePage(BaseModel):
    """Pairs at some entries, the likeliest first; `next_after` continues, null ends.

    A page may be empty and yet not be the last.
    """

    items: list[DuplicatePair]
    next_after: EntryId | None


class DuplicateRejection(BaseModel):
    """That two entries are two things; they are proposed again once one of them is reworded."""

    model_config = ConfigDict(frozen=True)

    entry_id: EntryId
    other_id: EntryId
    rejected_at: datetime
    rejected_by: str


def title_similarity(one: str, other: str) -> float:
    """Return how alike two titles are: the Dice coefficient of the trigrams of their words.

    Case, accents, the order of words and what is between them make no difference; O(characters).
    See Dice, "Measures of the amount of ecologic association between species", 1945.

    Examples
    --------
    >>> title_similarity("Weather-Agent", "agent: WEATHER")
    1.0
    >>> title_similarity("Weather agent", "Billing service")
    0.0
    """
    first, second = _trigrams(one), _trigrams(other)
    if not first or not second:
        return float(one.strip() == other.strip())
    return round(2 * len(first & second) / (len(first) + len(second)), 4)


def neighbour_similarity(one: Sequence[int], other: Sequence[int], limit: int) -> float | None:
    """Return the Jaccard index of two sets, of which the `limit` lowest elements are known each.

    What is beyond the known part of one of them is left out of both; see Broder, "On the
    resemblance and containment of documents", 1997.

    Parameters
    ----------
    one, other
        Rising.

    Returns
    -------
    float or None
        None if both are empty.

    Examples
    --------
    >>> neighbour_similarity([1, 2, 3], [2, 3, 4], 100)
    0.5
    >>> neighbour_similarity([1, 2, 3], [1, 2, 9], 3)
    0.6667
    """
    ends = [known[-1] for known in (one, other) if len(known) == limit]
    last = min(ends, default=None)
    first, second = (
        {key for key in known if last is None or key <= last} for known in (one, other)
    )
    union = first | second
    return round(len(first & second) / len(union), 4) if union else None


def _trigrams(title: str) -> set[str]:
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", title).casefold())
    plain = "".join(sign for sign in folded[:_CHARACTERS] if not unicodedata.combining(sign))
    padded = (f"  {word} " for word in _WORD.findall(plain))
    return {word[at : at + 3] for word in padded for at in range(len(word) - 2)}
