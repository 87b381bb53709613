"""The order of Debian package versions."""

import re

VersionKey = tuple[int, list[tuple[tuple[int, ...], int]], list[tuple[tuple[int, ...], int]]]

_PARTS = re.compile(r"([^0-9]*)([0-9]*)")


def version_key(version: str) -> VersionKey:
    """Return a key that sorts versions as dpkg does, see deb-version(7).

    Parameters
    ----------
    version
        ``[epoch:]upstream[-revision]``. The parts without digits compare letter by letter, with
        ``~`` before the end of the part and letters before everything else; the digits between
        them compare as numbers.

    Raises
    ------
    ValueError
        If the epoch is not a number.

    Examples
    --------
    >>> sorted(["1.10-1", "1:0.1-1", "1.9-1", "1.10~rc1-1"], key=version_key)
    ['1.9-1', '1.10~rc1-1', '1.10-1', '1:0.1-1']
    """
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, hyphen, revision = rest.rpartition("-")
    if not hyphen:
        upstream, revision = rest, ""
    return int(epoch), _part_key(upstream), _part_key(revision)


def _part_key(part: str) -> list[tuple[tuple[int, ...], int]]:
    # An absent revision equals "0"; the empty match at the end ends every key with ((0,), 0).
    return [
        ((*map(_rank, text), 0), int(digits or "0")) for text, digits in _PARTS.findall(part or "0")
    ]


def _rank(character: str) -> int:
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 0x110000
