"""Choosing the best of many scores, the same way every time."""

import numpy as np
import numpy.typing as npt


def best_positions(scores: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int64]:
    """Positions of the highest scores; of equal scores at the border the first ones.

    O(n), by selection rather than sorting.

    Parameters
    ----------
    scores
        (n,) float32 without NaN.
    count
        How many to choose, at least 1.

    Returns
    -------
    numpy.ndarray
        (min(count, n),) int64, rising.

    Examples
    --------
    >>> best_positions(np.array([0.5, 0.9, 0.5, 0.1], np.float32), 2).tolist()
    [0, 1]
    """
    if len(scores) <= count:
        return np.arange(len(scores), dtype=np.int64)
    border = len(scores) - count
    threshold = np.partition(scores, border)[border]
    above = np.flatnonzero(scores > threshold)
    at_threshold = np.flatnonzero(scores == threshold)[: count - len(above)]
    return np.sort(np.concatenate([above, at_threshold]))


def ranked(
    scores: npt.NDArray[np.float32], keys: npt.NDArray[np.int64], count: int
) -> npt.NDArray[np.int64]:
    """Positions of the best, by falling score and then rising key.

    O(n log n).

    Parameters
    ----------
    scores
        (n,) float32 without NaN.
    keys
        (n,) int64.
    count
        How many to return at most.

    Returns
    -------
    numpy.ndarray
        (min(count, n),) int64.

    Examples
    --------
    >>> ranked(np.array([0.5, 0.9, 0.5], np.float32), np.array([8, 4, 2]), 3).tolist()
    [1, 2, 0]
    """
    return np.lexsort((keys, -scores))[:count]
