"""A sorted list of words in a file: binary search and prefixes without loading it."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
import numpy.typing as npt

from index.array_files import mapped_array, write_array
from index.errors import IndexFormatError

# Above every byte of UTF-8, so above every continuation of a prefix.
_ABOVE_ALL = b"\xff"


def write_words(words: Sequence[bytes], bytes_path: Path, offsets_path: Path) -> None:
    """Write distinct words, sorted by their bytes.

    Raises
    ------
    OSError
        A file cannot be written.
    """
    offsets = np.fromiter(accumulate(map(len, words), initial=0), np.int64, len(words) + 1)
    letters = np.frombuffer(b"".join(words), np.uint8)
    write_array(bytes_path, letters.shape, np.uint8, [letters])
    write_array(offsets_path, offsets.shape, np.uint32, [offsets])


class WordList:
    """The mapped words, read-only and safe for concurrent use.

    Parameters
    ----------
    bytes_path, offsets_path
        Files that ``write_words`` wrote.
    count
        Words that the manifest promises.

    Attributes
    ----------
    letters
        (m,) uint8: the words in UTF-8, one after the other.
    offsets
        (n + 1,) uint32: where each begins.

    Raises
    ------
    IndexFormatError
        The files are not such files or hold another number of words.
    """

    def __init__(self, bytes_path: Path, offsets_path: Path, count: int) -> None:
        self.letters: npt.NDArray[np.uint8] = mapped_array(bytes_path, None, np.uint8)
        self.offsets: npt.NDArray[np.uint32] = mapped_array(offsets_path, (count + 1,), np.uint32)
        if self.offsets[0] != 0 or self.offsets[-1] != len(self.letters):
            reason = f"ends at {self.offsets[-1]}, the words have {len(self.letters)} bytes"
            raise IndexFormatError(str(offsets_path), reason)
        self._bytes = self.letters.data

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, place: int) -> bytes:
        return bytes(self._bytes[self.offsets[place] : self.offsets[place + 1]])

    def text(self, place: int) -> str:
        """Return the word at a place."""
        return self[place].decode()

    def find(self, word: str) -> int | None:
        """Return the place of a word; O(log n), some microseconds."""
        wanted = word.encode()
        place = bisect_left(self, wanted)
        return place if place < len(self) and self[place] == wanted else None

    def beginning_with(self, prefix: str) -> range:
        """Return the places of the words that begin with a prefix; O(log n)."""
        wanted = prefix.encode()
        return range(bisect_left(self, wanted), bisect_left(self, wanted + _ABOVE_ALL))
