"""The nodes of the graph: entries by number, and which of them a caller may see."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hyper_registry.storage.graph_store import Audience

_MASKS_KEPT = 16


class ReaderSets:
    """The distinct sets of readers, numbered in the order in which they were met.

    There are few of them, however many entries there are. Numbers are never taken back, so all
    states of a graph share one table.
    """

    def __init__(self) -> None:
        self._codes: dict[frozenset[str], int] = {}

    def code_of(self, readers: frozenset[str]) -> int:
        """Return the number of a set, a new one if it was never met."""
        return self._codes.setdefault(readers, len(self._codes))

    def met_by(self, grants: Sequence[str]) -> NDArray[np.bool_]:
        """Tell for each set whether it holds one of `grants`."""
        reader_sets = list(self._codes)  # a later state of the graph may add to it meanwhile
        met = (not readers.isdisjoint(grants) for readers in reader_sets)
        return np.fromiter(met, np.bool_, len(reader_sets))


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """Entries by node number; a new one takes the next number and keeps it.

    Attributes
    ----------
    keys
        (n,) int64, the entry keys by number.
    order
        (n,) int64, node numbers in the order of their keys.
    living
        (n,) bool.
    reader_codes
        (n,) int32, numbers of `reader_sets`.
    """

    keys: NDArray[np.int64]
    order: NDArray[np.int64]
    living: NDArray[np.bool_]
    reader_codes: NDArray[np.int32]
    reader_sets: ReaderSets
    _masks: dict[tuple[str, ...] | None, NDArray[np.bool_]] = field(default_factory=dict)

    @classmethod
    def none(cls) -> Self:
        """Return no nodes at all."""
        keys = np.empty(0, np.int64)
        return cls(keys, keys, np.empty(0, np.bool_), np.empty(0, np.int32), ReaderSets())

    def __len__(self) -> int:
        return len(self.keys)

    def numbers_of(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the numbers of entries, -1 for unknown ones; O(k log n)."""
        if len(self.keys) == 0:
            return np.full(len(keys), -1, np.int64)
        places = np.searchsorted(self.keys, keys, sorter=self.order)
        numbers = self.order[np.minimum(places, len(self.keys) - 1)]
        return np.where(self.keys[numbers] == keys, numbers, -1)

    def number_of(self, key: int) -> int | None:
        """Return the number of one entry; None if it is unknown."""
        number = int(self.numbers_of(np.array([key], np.int64))[0])
        return None if number < 0 else number

    def visible_to(self, grants: Sequence[str] | None) -> NDArray[np.bool_]:
        """Tell for each node whether `grants` may see it; None sees all that live."""
        if grants is None:
            return self.living
        wanted = tuple(grants)
        mask = self._masks.get(wanted)
        if mask is None:
            mask = self.living & self.reader_sets.met_by(wanted)[self.reader_codes]
            while len(self._masks) >= _MASKS_KEPT:
                del self._masks[next(iter(self._masks))]
            self._masks[wanted] = mask
        return mask

    def with_changes(self, audiences: Sequence[Audience]) -> Self:
        """Return the nodes after a change of entries; these same ones if nothing differs.

        O(n) if anything does. No entry may be in two of the audiences.
        """
        if not audiences:
            return self
        sizes = [len(audience.entry_keys) for audience in audiences]
        entry_keys = np.concatenate([audience.entry_keys for audience in audiences])
        lives = np.repeat([audience.living for audience in audiences], sizes)
        codes = [self.reader_sets.code_of(audience.readers) for audience in audiences]
        entry_codes = np.repeat(np.array(codes, np.int32), sizes)
        numbers = self.numbers_of(entry_keys)
        new = numbers < 0
        known = numbers[~new]
        if not (
            new.any()
            or np.any(self.living[known] != lives[~new])
            or np.any(self.reader_codes[known] != entry_codes[~new])
        ):
            return self
        keys = np.concatenate([self.keys, entry_keys[new]])
        living = np.concatenate([self.living, lives[new]])
        reader_codes = np.concatenate([self.reader_codes, entry_codes[new]])
        living[known] = lives[~new]
        reader_codes[known] = entry_codes[~new]
        # Keys come almost in order, which a stable sort is fast on.
        order = np.argsort(keys, kind="stable") if new.any() else self.order
        return replace(
            self, keys=keys, order=order, living=living, reader_codes=reader_codes, _masks={}
        )
