"""The terms that a query's words stand for in a version, and how much each counts.

How rare a term is, is counted over all shards, so each scores its rows by the same weights.
K. Spärck Jones, "A statistical interpretation of term specificity and its application in
retrieval", 1972, with the logarithm as in BM25, never below 0.
"""

from collections.abc import Sequence
from math import log

from index.text_analysis import stem
from index.text_clauses import QueryClause, Role, TextQuery, WeightedClause
from index.vocabulary import Candidate, Vocabulary

MOST_PREFIX_TERMS = 128
"""A beginning stands for this many terms, the most frequent ones."""
MOST_CORRECTIONS = 8
"""A word that no row has stands for this many similar ones."""

_WEIGHT_PER_EDIT = 0.5


def weighted_clauses(
    query: TextQuery, vocabularies: Sequence[Vocabulary], row_count: int
) -> tuple[WeightedClause, ...]:
    """Find terms and weights of a query's clauses.

    A word that is in no row is taken for a misspelt one, at half the weight for each wrong letter.
    Clauses of the same terms are counted once.

    Parameters
    ----------
    query
        The query.
    vocabularies
        Of all shards of the version.
    row_count
        Rows of all shards.
    """
    found: dict[frozenset[str], WeightedClause] = {}
    for clause in query.clauses:
        weighted = _weighted(clause, vocabularies, row_count)
        same = found.get(frozenset(weighted.terms))
        if same is None or same.role is Role.WANTED:
            found[frozenset(weighted.terms)] = weighted
        elif weighted.role is Role.EXCLUDED and same.role is Role.REQUIRED:
            # Required and excluded: nothing can be both, and the exclusion says so.
            found[frozenset((*weighted.terms, ""))] = weighted
    return tuple(found.values())


def _weighted(
    clause: QueryClause, vocabularies: Sequence[Vocabulary], row_count: int
) -> WeightedClause:
    terms = dict.fromkeys(stem(word) for word in clause.words)
    if clause.prefix:
        expansions = _expansions(clause, vocabularies)
        if expansions:
            weight = _rarity(sum(item.frequency for item in expansions), row_count)
            return WeightedClause(
                tuple(item.term for item in expansions), (weight,) * len(expansions), clause.role
            )
    frequencies = [_frequency(term, vocabularies) for term in terms]
    if not any(frequencies) and clause.role is not Role.EXCLUDED and not clause.prefix:
        corrections = _corrections(clause.words[0], vocabularies)
        if corrections:
            weight = _rarity(sum(item.frequency for item in corrections), row_count)
            return WeightedClause(
                tuple(item.term for item in corrections),
                tuple(weight * _WEIGHT_PER_EDIT**item.distance for item in corrections),
                clause.role,
            )
    weights = tuple(_rarity(frequency, row_count) for frequency in frequencies)
    return WeightedClause(tuple(terms), weights, clause.role)


def _expansions(clause: QueryClause, vocabularies: Sequence[Vocabulary]) -> list[Candidate]:
    found = [
        item
        for vocabulary in vocabularies
        for word in clause.words
        for item in vocabulary.beginning_with(word, MOST_PREFIX_TERMS)
    ]
    return _most_frequent(found, vocabularies)[:MOST_PREFIX_TERMS]


def _corrections(word: str, vocabularies: Sequence[Vocabulary]) -> list[Candidate]:
    found = [
        item for vocabulary in vocabularies for item in vocabulary.misspelt(word, MOST_CORRECTIONS)
    ]
    ordered = _most_frequent(found, vocabularies)
    # Stable: of equally near ones the most frequent first.
    return sorted(ordered, key=lambda item: item.distance)[:MOST_CORRECTIONS]


def _most_frequent(
    candidates: Sequence[Candidate], vocabularies: Sequence[Vocabulary]
) -> list[Candidate]:
    """Each term once, at its least distance, with its frequency in all shards."""
    nearest: dict[str, Candidate] = {}
    for item in candidates:
        known = nearest.get(item.term)
        if known is None or (item.distance, item.word) < (known.distance, known.word):
            nearest[item.term] = item
    counted = [
        Candidate(item.word, item.term, _frequency(item.term, vocabularies), item.distance)
        for item in nearest.values()
    ]
    return sorted(counted, key=lambda item: (-item.frequency, item.term))


def _frequency(term: str, vocabularies: Sequence[Vocabulary]) -> int:
    return sum(vocabulary.frequency(term) for vocabulary in vocabularies)


def _rarity(frequency: int, row_count: int) -> float:
    frequency = min(frequency, row_count)
    return log(1 + (row_count - frequency + 0.5) / (frequency + 0.5))
