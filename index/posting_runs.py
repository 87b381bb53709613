"""Posting lists from rows, sorted by term on disk in bounded memory.

An external counting sort: rows' postings are appended to files while the number of each term's
postings is counted, so at the end every posting's place is known. Ranges of terms are then filled
one after the other, each in one pass over the files.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from index.array_files import array_stream, write_array
from index.errors import IndexInputError
from index.kernels import compiled

_MOST_IN_MEMORY = 16_000_000
_BLOCK = 1_000_000
_TYPES = (np.int32, np.int32, np.uint16)


class PostingRuns:
    """Postings in the order of their rows.

    Parameters
    ----------
    directory
        Empty directory for the files, which the caller removes.
    most_in_memory
        Postings that are sorted at once, 6 bytes each.
    """

    def __init__(self, directory: Path, most_in_memory: int = _MOST_IN_MEMORY) -> None:
        self._paths = tuple(directory / name for name in ("terms", "rows", "impacts"))
        self._most_in_memory = most_in_memory
        self._counts = np.zeros(0, np.int64)

    def append(
        self,
        terms: npt.NDArray[np.int32],
        rows: npt.NDArray[np.int32],
        impacts: npt.NDArray[np.uint16],
    ) -> None:
        """Append postings; a term's rows must rise from one call to the next.

        Raises
        ------
        OSError
            The disk is full.
        """
        for path, values in zip(self._paths, (terms, rows, impacts), strict=True):
            with path.open("ab") as stream:
                stream.write(np.ascontiguousarray(values).data)
        counts = np.bincount(terms, minlength=len(self._counts))
        counts[: len(self._counts)] += self._counts
        self._counts = counts

    def write(
        self, order: npt.NDArray[np.int64], offsets_path: Path, rows_path: Path, impacts_path: Path
    ) -> int:
        """Write the postings by term, and return how many there are.

        O(postings * ranges), where a range is as many terms as fit in memory.

        Parameters
        ----------
        order
            (terms,) int64: the term that comes first, second and so on.
        offsets_path, rows_path, impacts_path
            Files to create: where each term's postings begin, and their rows and impacts.

        Raises
        ------
        IndexInputError
            There are more postings than a shard's offsets can count.
        OSError
            The disk is full.
        """
        offsets = np.zeros(len(order) + 1, np.int64)
        # Of the last terms there may be no postings.
        counts = np.zeros(len(order), np.int64)
        counts[: len(self._counts)] = self._counts
        np.cumsum(counts[order], out=offsets[1:])
        total = int(offsets[-1])
        write_array(offsets_path, offsets.shape, np.uint32, [_fitting(offsets)])
        place_of = np.empty(len(order), np.int32)
        place_of[order] = np.arange(len(order), dtype=np.int32)
        with (
            array_stream(rows_path, (total,), np.int32) as row_stream,
            array_stream(impacts_path, (total,), np.uint16) as impact_stream,
        ):
            for rows, impacts in self._ranges(place_of, offsets):
                row_stream.write(rows.data)
                impact_stream.write(impacts.data)
        return total

    def _ranges(
        self, place_of: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64]
    ) -> Iterator[tuple[npt.NDArray[np.int32], npt.NDArray[np.uint16]]]:
        following = offsets[:-1].copy()
        first = 0
        while first < len(place_of):
            limit = offsets[first] + self._most_in_memory
            # At least one term, however common it is.
            end = max(first + 1, int(np.searchsorted(offsets, limit, side="right")) - 1)
            rows = np.empty(offsets[end] - offsets[first], np.int32)
            impacts = np.empty(len(rows), np.uint16)
            for block in self._blocks():
                _place(*block, place_of, first, end, following, offsets[first], rows, impacts)
            yield rows, impacts
            first = end

    def _blocks(self) -> Iterator[tuple[npt.NDArray[np.generic], ...]]:
        if not self._paths[0].exists():
            return
        with ExitStack() as files:
            streams = [files.enter_context(path.open("rb")) for path in self._paths]
            while len((block := self._block(streams))[0]):
                yield block

    def _block(self, streams: Sequence[BinaryIO]) -> tuple[npt.NDArray[np.generic], ...]:
        return tuple(
            np.frombuffer(stream.read(_BLOCK * np.dtype(dtype).itemsize), dtype)
            for stream, dtype in zip(streams, _TYPES, strict=True)
        )


def _fitting(offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
    if offsets[-1] > np.iinfo(np.uint32).max:
        reason = f"has {offsets[-1]} postings, more than one shard can hold: build more shards"
        raise IndexInputError("description", None, reason)
    return offsets.astype(np.uint32)


def _place_loop(
    terms: npt.NDArray[np.int32],
    posting_rows: npt.NDArray[np.int32],
    posting_impacts: npt.NDArray[np.uint16],
    place_of: npt.NDArray[np.int32],
    first: int,
    end: int,
    following: npt.NDArray[np.int64],
    start: int,
    rows: npt.NDArray[np.int32],
    impacts: npt.NDArray[np.uint16],
) -> None:
    for posting in range(terms.shape[0]):
        place = place_of[terms[posting]]
        if first <= place < end:
            at = following[place]
            following[place] = at + 1
            rows[at - start] = posting_rows[posting]
            impacts[at - start] = posting_impacts[posting]


_place = compiled(_place_loop)
