"""The entries that hold the words of a query."""

import re
from dataclasses import dataclass

from hyper_registry.domain.identifiers import EntryKey
from hyper_registry.domain.search import SearchFilters
from hyper_registry.storage.database import Database
from hyper_registry.storage.search_store import SearchStore

# A phrase or an excluded word: the caller says exactly what to find.
_OPERATOR = re.compile(r'"|(?:^|\s)-\S')
# The best entry with some of the words counts half of the last one with all of them.
_PARTIAL_MATCH = 0.5


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
    """

    scores: dict[EntryKey, float]
    with_all_words: int
    total: int | None
    strategy: str


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
                return TextMatches(strict.scores, found, strict.total, "text")
            partial = await self._store.any_word_candidates(
                connection, query, grants, filters, limit - found, listed=list(strict.scores)
            )
        if not partial.scores:
            return TextMatches(strict.scores, found, strict.total, "text")
        below = _PARTIAL_MATCH * min(strict.scores.values(), default=1.0)
        best = max(partial.scores.values())
        scores = strict.scores | {
            key: below * score / best for key, score in partial.scores.items()
        }
        total = None
        if strict.total is not None and partial.total is not None:
            total = strict.total + partial.total
        return TextMatches(scores, found, total, "text(any word)")
