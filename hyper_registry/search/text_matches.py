"""The entries that hold the words of a query."""

import re
from dataclasses import dataclass

from hyper_registry.domain.identifiers import EntryKey
from hyper_registry.domain.search import SearchFilters
from hyper_registry.storage.database import Database
from hyper_registry.storage.search_store import Candidates, SearchStore

# A phrase or an excluded word: the caller says exactly what to find.
_OPERATOR = re.compile(r'"|(?:^|\s)-\S')
# The best entry with some of the words counts half of the last one with all of them.
_PARTIAL_MATCH = 0.5
# Ranks know nothing of the whole registry: what a word adds if it is as rare as can be is a guess.
_RAREST_WORD = 1.5
_WORD = re.compile(r"\w+")
_MOST_WORDS = 8


@dataclass(frozen=True, slots=True)
class TextMatches:
    """Entries by text, best first.

    Attributes
    ----------
    scores
        By entry key; those with all words come before those with some.
    with_all_words
        How many have all words, or what the query's operators ask for.
    total
        How many entries match in all; None if they were not all looked at.
    strategy
        How they were found.
    rarest
        About the most that one word adds to a score if it is as rare as can be.
    """

    scores: dict[EntryKey, float]
    with_all_words: int
    total: int | None
    strategy: str
    rarest: float


class TextSearch:
    """Finds entries by text; a question in whole sentences also by some of its words."""

    def __init__(self, database: Database, store: SearchStore) -> None:
        self._database = database
        self._store = store

    async def find(
        self,
        query: str,
        grants: list[str] | None,
        filters: SearchFilters,
        limit: int,
        *,
        enough: int,
    ) -> TextMatches:
        """Find up to `limit` entries with all words of a query, or with any if those are few.

        Parameters
        ----------
        enough
            How many with all words make it needless to look for those with some.

        Raises
        ------
        DatabaseUnavailableError
            If Postgres is away.
        """
        async with self._database.connection() as connection:
            strict = await self._store.text_candidates(connection, query, grants, filters, limit)
            found = len(strict.scores)
            if found >= enough or _OPERATOR.search(query):
                return _all_words(query, strict)
            partial = await self._store.any_word_candidates(
                connection, query, grants, filters, limit - found, listed=list(strict.scores)
            )
        if not partial.scores:
            return _all_words(query, strict)
        below = _PARTIAL_MATCH * min(strict.scores.values(), default=1.0)
        best = max(partial.scores.values())
        scores = strict.scores | {
            key: below * score / best for key, score in partial.scores.items()
        }
        total = None
        if strict.total is not None and partial.total is not None:
            total = strict.total + partial.total
        rarest = _RAREST_WORD * below / best
        return TextMatches(scores, found, total, "text(any word)", rarest)


def _all_words(query: str, strict: Candidates) -> TextMatches:
    """Take it that a word is half as rare as can be on average."""
    words = min(max(1, len(_WORD.findall(query))), _MOST_WORDS)
    rarest = 2 * max(strict.scores.values(), default=1.0) / words
    return TextMatches(strict.scores, len(strict.scores), strict.total, "text", rarest)
