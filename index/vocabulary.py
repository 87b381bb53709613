"""The words of one shard: exact, by their beginning, or misspelt."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from index.array_files import mapped_array
from index.edit_distance import near_words
from index.text_writer import (
    NO_WORD,
    WORD_OFFSETS_FILE,
    WORD_SIGNATURES_FILE,
    WORD_TERMS_FILE,
    WORDS_FILE,
)
from index.word_list import WordList


@dataclass(frozen=True, slots=True)
class Candidate:
    """A word of the vocabulary that may be meant.

    Attributes
    ----------
    word
        As texts hold it, folded.
    term
        Its stem, by which rows are found.
    frequency
        Rows that have the stem.
    distance
        Letters inserted, left out, replaced, or exchanged with the next one.
    """

    word: str
    term: str
    frequency: int
    distance: int = 0


class Vocabulary:
    """The mapped vocabulary, read-only and safe for concurrent use.

    It speaks of all rows: a word that it offers may be in no row that the one who asks may see.
    Use it to widen a query that a mask applies to, not to show its words.

    Parameters
    ----------
    directory
        The shard's directory.
    word_count
        Words and stems that the manifest promises.
    posting_offsets
        (word_count + 1,) uint32: where each one's postings begin.

    Raises
    ------
    IndexFormatError
        A file does not hold what the manifest says.
    """

    def __init__(
        self, directory: Path, word_count: int, posting_offsets: npt.NDArray[np.uint32]
    ) -> None:
        self._words = WordList(directory / WORDS_FILE, directory / WORD_OFFSETS_FILE, word_count)
        self._terms = mapped_array(directory / WORD_TERMS_FILE, (word_count,), np.int32)
        self._signatures = mapped_array(directory / WORD_SIGNATURES_FILE, (word_count,), np.uint32)
        self._offsets = posting_offsets

    def term(self, term: str) -> int | None:
        """Return the number of a stem that rows have; None if none has it."""
        place = self._words.find(term)
        return place if place is not None and self._frequency(place) else None

    def frequency(self, term: str) -> int:
        """Return how many rows have a stem."""
        place = self._words.find(term)
        return 0 if place is None else self._frequency(place)

    def beginning_with(self, prefix: str, limit: int) -> list[Candidate]:
        """Find the stems of words that begin with a prefix, of the most frequent words first.

        O(words with the prefix). Each stem is there once, with one of its words.

        Parameters
        ----------
        prefix
            Folded.
        limit
            Stems to return at most.
        """
        places = self._words.beginning_with(prefix)
        terms = self._terms[places.start : places.stop]
        numbers, first = np.unique(terms, return_index=True)
        held = numbers != NO_WORD
        numbers, words = numbers[held], first[held] + places.start
        frequencies = self._offsets[numbers + 1] - self._offsets[numbers]
        order = np.lexsort((words, -frequencies.astype(np.int64)))[:limit]
        return [self._candidate(int(words[at]), 0) for at in order]

    def misspelt(self, word: str, limit: int) -> list[Candidate]:
        """Find words near one that is not in the vocabulary; none for words below 4 letters.

        Words of up to 7 letters may differ in one, longer ones in two. O(words), by a scan that
        looks at few of them closely: about a millisecond for a million.

        Parameters
        ----------
        word
            Folded.
        limit
            Words to return at most.

        Returns
        -------
        list
            The nearest words first; of equally near ones the most frequent, then by alphabet.
        """
        most = most_edits(word)
        if not most:
            return []
        places, distances = near_words(
            word, self._words.letters, self._words.offsets, self._signatures, most
        )
        held = self._terms[places] != NO_WORD
        places, distances = places[held], distances[held]
        terms = self._terms[places]
        frequencies = self._offsets[terms + 1].astype(np.int64) - self._offsets[terms]
        order = np.lexsort((places, -frequencies, distances))[:limit]
        return [self._candidate(int(places[at]), int(distances[at])) for at in order]

    def _frequency(self, place: int) -> int:
        return int(self._offsets[place + 1]) - int(self._offsets[place])

    def _candidate(self, place: int, distance: int) -> Candidate:
        term = int(self._terms[place])
        return Candidate(
            self._words.text(place), self._words.text(term), self._frequency(term), distance
        )


def most_edits(word: str) -> int:
    """Return how many letters of a word may be wrong.

    Examples
    --------
    >>> most_edits("ray"), most_edits("numpy"), most_edits("pytorch"), most_edits("tensorflow")
    (0, 1, 1, 2)
    """
    length = len(word)
    return 0 if length < 4 else 1 if length < 8 else 2
