"""Keeping FAISS on the thread that calls it."""

from collections.abc import Iterator
from contextlib import contextmanager

import faiss


@contextmanager
def one_faiss_thread() -> Iterator[None]:
    """Let FAISS use one thread within the block, and what it used before after it.

    OpenMP holds the number per calling thread, so concurrent blocks do not disturb each other.
    Searches: more threads than cores raise the slowest answers five- to tenfold. Training: its
    parallel steps are so short that a second thread mostly waits, spinning, for the first.

    Examples
    --------
    >>> with one_faiss_thread():
    ...     faiss.omp_get_max_threads()
    1
    """
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
