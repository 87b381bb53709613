"""Handles: the names `namespace/name` that people call entries by.

Two handles are the same name if they have the same *form*: case and the ways in which Unicode
writes a character twice make no difference. What nobody can see in a name may not be in it.
"""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator

MAX_CHARACTERS = 100
"""Of a namespace, and of a name in it."""

_ASCII = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PUNCTUATION = frozenset("._-")
_LOOK_ALIKE_SCRIPTS = frozenset({"LATIN", "CYRILLIC", "GREEK"})
# Letters and marks that show nothing: fillers, joiners and selectors of Unicode's property
# Default_Ignorable_Code_Point which are neither controls nor format characters.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def namespace_name(value: str) -> str:
    r"""Return how a namespace, or a name in one, is written: `value` in NFKC, its case kept.

    Raises
    ------
    ValueError
        If it is empty or too long, does not begin with a letter or digit, or holds anything but
        letters, marks, digits, ``.``, ``_`` and ``-``, or letters of scripts that look alike.

    Examples
    --------
    >>> namespace_name("\uff34eam")
    'Team'
    """
    # Checked first: compatibility forms make a space of what is none.
    if _INVISIBLE.search(value):
        msg = "holds a character that cannot be seen; remove it"
        raise ValueError(msg)
    written = unicodedata.normalize("NFKC", value)
    if not 1 <= len(written) <= MAX_CHARACTERS:
        msg = f"is {len(written):,} characters long, not 1 to {MAX_CHARACTERS}"
        raise ValueError(msg)
    if _ASCII.fullmatch(written):
        return written
    scripts: set[str] = set()
    for position, character in enumerate(written):
        category = unicodedata.category(character)
        letter_or_digit = category[0] == "L" or category == "Nd"
        if position == 0 and not letter_or_digit:
            msg = "does not begin with a letter or a digit"
            raise ValueError(msg)
        if not letter_or_digit and category[0] != "M" and character not in _PUNCTUATION:
            msg = f"holds {character!a}; use letters, digits, '.', '_' and '-'"
            raise ValueError(msg)
        if category[0] == "L":
            scripts.add(unicodedata.name(character, "").partition(" ")[0])
    if len(scripts & _LOOK_ALIKE_SCRIPTS) > 1:
        msg = "mixes letters of scripts that look alike; use one of Latin, Greek and Cyrillic"
        raise ValueError(msg)
    return written


def checked_handle(value: str) -> str:
    """Return how a handle is written: both parts as `namespace_name` gives them.

    Raises
    ------
    ValueError
        If it is not `namespace/name`, or a part may not be so.

    Examples
    --------
    >>> checked_handle("Team/Weather-Agent")
    'Team/Weather-Agent'
    """
    parts = value.split("/")
    if len(parts) != 2:
        msg = "is not written as 'namespace/name'"
        raise ValueError(msg)
    return "/".join(map(namespace_name, parts))


def name_form(written: str) -> str:
    """Return the form of a namespace, of a name or of a whole handle that was checked.

    It is NFKC_Casefold of Unicode 3.13 (D147), whose ignorable characters no name holds.

    Examples
    --------
    >>> name_form("Team/Straße") == name_form("TEAM/STRASSE") == "team/strasse"
    True
    """
    if written.isascii():
        return written.lower()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", written).casefold())
    return unicodedata.normalize("NFKC", folded.casefold())


def namespace_of(handle: str | None) -> str | None:
    """Return the form of a handle's namespace."""
    return None if handle is None else name_form(handle.partition("/")[0])


Handle = Annotated[str, AfterValidator(checked_handle)]
"""A name `namespace/name` of an entry."""

NamespaceName = Annotated[str, AfterValidator(namespace_name)]
"""The name of a namespace."""
