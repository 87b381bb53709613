"""Which letters a word has, as 32 bits, to pass over words that cannot be near another one."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from index.kernels import compiled


def signatures_of(words: Sequence[bytes]) -> npt.NDArray[np.uint32]:
    """Set a bit for each letter that a word has, letters 32 code points apart sharing one.

    Replacing a letter changes at most two bits, inserting or removing one at most one, exchanging
    two none.

    Parameters
    ----------
    words
        In UTF-8.

    Returns
    -------
    numpy.ndarray
        (n,) uint32.

    Examples
    --------
    >>> [f"{bits:b}" for bits in signatures_of([b"abba", b"ac", b""])]
    ['110', '1010', '0']
    """
    offsets = np.zeros(len(words) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, words), np.int64, len(words)), out=offsets[1:])
    signatures = np.zeros(len(words), np.uint32)
    _sign(np.frombuffer(b"".join(words), np.uint8), offsets, signatures)
    return signatures


def _sign_loop(
    letters: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    signatures: npt.NDArray[np.uint32],
) -> None:
    for word in range(signatures.shape[0]):
        bits = np.uint32(0)
        end = offsets[word + 1]
        for at in range(offsets[word], end):
            # The last byte of a letter holds the lowest bits of its code point.
            if at + 1 < end and letters[at + 1] & 0xC0 == 0x80:
                continue
            bits |= np.uint32(np.uint32(1) << np.uint32(letters[at] & 31))
        signatures[word] = bits


_sign = compiled(_sign_loop)
