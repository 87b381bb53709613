"""Reading what people type into a search box: never an error but that there is nothing to find.

    two words           both wanted; rows with one will do where few have both
    +word -word         required, excluded
    "some words"        in this order; with - in front, excluded
    auto*               any word with this beginning

Everything else is text: signs inside words, single quotes, a quote without its end.
"""

import re
from collections.abc import Iterator

from index.errors import IndexQueryError
from index.text_analysis import MOST_CHARACTERS, STOP_WORDS, analyse, chunks_of
from index.text_clauses import MOST_CLAUSES, QueryClause, Role, TextQuery

MOST_PHRASES = 16
"""Phrases that count, required and excluded ones apart."""

_QUOTES = str.maketrans(dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\uff02", '"'))
# "--word" is an option of a command, not an exclusion.
_ITEM = re.compile(r'(?:(?<![^\s"])([+-])(?![+-]))?(?:"([^"]*)"|([^\s"]+))')
_ROLES = {"+": Role.REQUIRED, "-": Role.EXCLUDED}


def parse_query(text: str) -> TextQuery:
    """Take a query apart; O(n).

    Parameters
    ----------
    text
        Any text; what follows the first ``MOST_CLAUSES`` words is ignored.

    Raises
    ------
    IndexQueryError
        There is nothing to search for: no word but excluded ones.

    Examples
    --------
    >>> [clause.words for clause in parse_query("how to serve a model").clauses]
    [('serve',), ('model',)]
    >>> query = parse_query('+ray "model serving" auto* -java')
    >>> [(clause.words[0], clause.role.value, clause.prefix) for clause in query.clauses]
    ... # doctest: +NORMALIZE_WHITESPACE
    [('ray', 'required', False), ('model', 'required', False), ('serving', 'required', False),
     ('auto', 'wanted', True), ('java', 'excluded', False)]
    >>> query.phrases
    ('model serving',)
    """
    clauses: dict[QueryClause, None] = {}
    stop_words: dict[QueryClause, None] = {}
    phrases: dict[str, None] = {}
    excluded_phrases: dict[str, None] = {}
    for sign, phrase, word in _items(text):
        role = _ROLES.get(sign, Role.WANTED)
        if role is Role.EXCLUDED:
            excluded = _excluded_words(word)
            if excluded:
                clauses[QueryClause(excluded, role)] = None
            elif chunks_of(phrase or word):
                excluded_phrases[phrase or word] = None
            continue
        if phrase and len(chunks_of(phrase)) > 1:
            phrases[phrase] = None
        for clause in _clauses(phrase or word, Role.REQUIRED if phrase else role):
            spoken = clause.words[0] not in STOP_WORDS or clause.prefix
            (clauses if spoken else stop_words)[clause] = None
            if len(clauses) + len(stop_words) >= 2 * MOST_CLAUSES:
                break
        if len(clauses) >= MOST_CLAUSES:
            break
    kept = list(clauses)[:MOST_CLAUSES]
    if all(clause.role is Role.EXCLUDED for clause in kept):
        # Stop words count if there is nothing else: they may be a title.
        kept = (list(stop_words) + kept)[:MOST_CLAUSES]
    if all(clause.role is Role.EXCLUDED for clause in kept):
        reason = "nothing to search for: it has no word that a text could have"
        raise IndexQueryError("query", reason)
    return TextQuery(
        tuple(kept), tuple(phrases)[:MOST_PHRASES], tuple(excluded_phrases)[:MOST_PHRASES]
    )


def _items(text: str) -> Iterator[tuple[str, str, str]]:
    """Sign, phrase or nothing, word or nothing."""
    for match in _ITEM.finditer(text[:MOST_CHARACTERS].translate(_QUOTES)):
        yield match[1] or "", (match[2] or "").strip(), match[3] or ""


def _clauses(text: str, role: Role) -> Iterator[QueryClause]:
    chunks = chunks_of(text)
    begins = text.endswith("*")
    for at, chunk in enumerate(chunks, start=1):
        asked = analyse(chunk).asked
        for part, words in enumerate(asked, start=1):
            last = at == len(chunks) and part == len(asked)
            yield QueryClause(tuple(dict.fromkeys(words)), role, prefix=begins and last)


def _excluded_words(text: str) -> tuple[str, ...]:
    """Words that exclude a row by themselves; none if only the text as a whole does."""
    chunks = chunks_of(text)
    if len(chunks) != 1:
        return ()
    asked = analyse(chunks[0]).asked
    if len(asked) == 1:
        return asked[0][-1:]
    # The parts joined stand last in each.
    joined = {words[-1] for words in asked}
    return tuple(joined) if len(joined) == 1 else ()
