"""The part of a text that shows why it was found."""

import re

_WORD = re.compile(r"\w+")
_STEM_LENGTH = 4
_SHORTEST_TELLING_WORD = 3


def highlight(text: str, query: str, *, width: int = 160) -> str:
    """Return up to `width` characters of `text` with the query's words between ``**``.

    A word is marked when it starts as a word of the query does, so that inflected forms count;
    words of one or two letters only where the query has no longer ones.
    The part starts near the first marked word; what is left out stands as ``…``.

    >>> highlight("Predicts tomorrow's rain.", "raining prediction")
    "**Predicts** tomorrow's **rain**."
    """
    words = _WORD.findall(query)
    telling = [word for word in words if len(word) >= _SHORTEST_TELLING_WORD] or words
    stems = {_stem(word) for word in telling}
    flat = " ".join(text.split())
    matches = [found for found in _WORD.finditer(flat) if _stem(found.group()) in stems]
    start = max(0, matches[0].start() - width // 4) if matches else 0
    if start:
        start = flat.find(" ", start) + 1 or start
    end = min(len(flat), start + width)
    pieces: list[str] = []
    at = start
    for found in matches:
        if found.start() < at or found.end() > end:
            continue
        pieces += [flat[at : found.start()], "**", found.group(), "**"]
        at = found.end()
    pieces.append(flat[at:end])
    return f"{'…' if start else ''}{''.join(pieces)}{'…' if end < len(flat) else ''}"


def _stem(word: str) -> str:
    return word.casefold()[:_STEM_LENGTH]
