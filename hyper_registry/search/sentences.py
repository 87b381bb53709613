"""A query of several sentences, taken apart."""

import re
from itertools import pairwise

_BOUNDARY = re.compile(r"(?<=[.?!;])\s+|\n+")
_SHORTEST = 9


def sentences(query: str, most: int) -> list[str]:
    """Return the sentences of a query that has several, else nothing.

    Fragments of a few characters are left out. Of more than `most` sentences, neighbours are
    joined so that `most` parts result; below 2 there are none.

    >>> sentences("Find my city's weather. Then book a taxi, please! Ok?", 4)
    ["Find my city's weather.", 'Then book a taxi, please!']
    >>> sentences("weather by e.g. city", 4)
    []
    """
    if most <= 1:
        return []
    found = [part.strip() for part in _BOUNDARY.split(query)]
    found = [part for part in found if len(part) >= _SHORTEST]
    if len(found) <= 1:
        return []
    count = min(most, len(found))
    bounds = [len(found) * number // count for number in range(count + 1)]
    return [" ".join(found[start:end]) for start, end in pairwise(bounds)]
