"""Finding words that differ from a given one in a letter or two, by a scan of all words.

Distance: F. J. Damerau, "A technique for computer detection and correction of spelling errors",
CACM 7(3), 1964, with no letter edited twice (optimal string alignment). A word's letters as bits
leave only about one in a hundred words to be compared, which makes an index of deletions, ten times
as large as the vocabulary, needless.
"""

import numpy as np
import numpy.typing as npt

from index.kernels import compiled
from index.text_analysis import MOST_WORD_CHARACTERS
from index.word_signatures import signatures_of


def near_words(
    word: str,
    letters: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.uint32],
    signatures: npt.NDArray[np.uint32],
    most: int,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Find the words within a distance, the word itself included; O(n).

    Parameters
    ----------
    word
        1 to ``MOST_WORD_CHARACTERS`` letters.
    letters, offsets
        Words in UTF-8, one after the other, and where each begins: (n + 1,).
    signatures
        (n,) of ``index.word_signatures``.
    most
        Largest distance.

    Returns
    -------
    tuple
        Places (m,) int32, rising, and distances (m,) int32.

    Examples
    --------
    >>> words = [b"numpi", b"numpy", b"nupmy", b"scipy"]
    >>> letters = np.frombuffer(b"".join(words), np.uint8)
    >>> offsets = np.array([0, 5, 10, 15, 20], np.uint32)
    >>> [found.tolist() for found in near_words("numpy", letters, offsets, signatures_of(words), 1)]
    [[0, 1, 2], [1, 0, 1]]
    """
    encoded = word.encode()
    wanted = np.frombuffer(word.encode("utf-32-le"), np.uint32)
    places = np.empty(len(signatures), np.int32)
    distances = np.empty(len(signatures), np.int32)
    counts = np.zeros(1, np.int64)
    _near(
        wanted, len(encoded), signatures_of([encoded])[0], letters, offsets,
        signatures, most, places, distances, counts,
    )  # fmt: skip
    return places[: counts[0]], distances[: counts[0]]


def _near_loop(
    wanted: npt.NDArray[np.uint32],
    wanted_bytes: int,
    wanted_signature: np.uint32,
    letters: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.uint32],
    signatures: npt.NDArray[np.uint32],
    most: int,
    places: npt.NDArray[np.int32],
    distances: npt.NDArray[np.int32],
    counts: npt.NDArray[np.int64],
) -> None:
    width = MOST_WORD_CHARACTERS + 1
    table = np.zeros((3, width), np.int32)
    other = np.zeros(4 * width, np.uint32)
    length = len(wanted)
    count = 0
    for place in range(len(signatures)):
        differing = np.uint32(signatures[place] ^ wanted_signature)
        bits = 0
        while differing and bits <= 2 * most:
            differing = np.uint32(differing & np.uint32(differing - np.uint32(1)))
            bits += 1
        start = np.int64(offsets[place])
        size = np.int64(offsets[place + 1]) - start
        # A letter has up to four bytes.
        if bits > 2 * most or abs(size - wanted_bytes) > 4 * most:
            continue
        # Decode UTF-8.
        other_length = 0
        at = start
        while at < start + size:
            lead = np.uint32(letters[at])
            more = 0 if lead < 0x80 else 1 if lead < 0xE0 else 2 if lead < 0xF0 else 3
            code = lead if more == 0 else np.uint32(lead & np.uint32(0x3F >> more))
            for follow in range(more):
                code = np.uint32(
                    np.uint32(code << np.uint32(6))
                    | np.uint32(np.uint32(letters[at + 1 + follow]) & np.uint32(0x3F))
                )
            other[other_length] = code
            other_length += 1
            at += 1 + more
        if abs(other_length - length) > most:
            continue
        for column in range(other_length + 1):
            table[0, column] = column
        distance = 0
        for line in range(1, length + 1):
            now = line % 3
            above = (line + 2) % 3
            before = (line + 1) % 3
            table[now, 0] = line
            least = line
            for column in range(1, other_length + 1):
                same = wanted[line - 1] == other[column - 1]
                value = table[above, column - 1] + (0 if same else 1)
                value = min(value, table[above, column] + 1, table[now, column - 1] + 1)
                if (
                    line > 1
                    and column > 1
                    and wanted[line - 1] == other[column - 2]
                    and wanted[line - 2] == other[column - 1]
                ):
                    value = min(value, table[before, column - 2] + 1)
                table[now, column] = value
                least = min(least, value)
            distance = table[now, other_length]
            if least > most:
                distance = most + 1
                break
        if distance <= most:
            places[count] = place
            distances[count] = distance
            count += 1
    counts[0] = count


_near = compiled(_near_loop)
