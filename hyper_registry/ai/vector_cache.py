"""The vectors of the texts that were asked for last."""

import hashlib
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray


def text_key(text: str) -> bytes:
    """Return 16 bytes that stand for a text, so that long texts are not kept themselves."""
    return hashlib.sha256(text.encode()).digest()[:16]


class VectorCache:
    """Least-recently-used map from `text_key` to a vector; look-up and insertion take O(1).

    Parameters
    ----------
    capacity
        Vectors held at most (1.5 KB each at 384 dimensions); 0 holds none.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._vectors: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._vectors)

    def get(self, key: bytes) -> NDArray[np.float32] | None:
        """Return the vector of `key` and count it as just used; None if it is not held."""
        vector = self._vectors.get(key)
        if vector is not None:
            self._vectors.move_to_end(key)
        return vector

    def put(self, key: bytes, vector: NDArray[np.float32]) -> None:
        """Hold a copy of `vector`; beyond the capacity the one unused for longest goes."""
        # A copy, because a row would keep the whole batch that it is a view of.
        self._vectors[key] = vector.copy()
        self._vectors.move_to_end(key)
        if len(self._vectors) > self._capacity:
            self._vectors.popitem(last=False)
