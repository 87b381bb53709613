"""Writing the text of a shard: vocabulary and posting lists with impacts."""

# pyright: reportUnknownMemberType=false
# (pyarrow has no annotations)

from array import array
from collections.abc import Iterable
from itertools import compress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from index.array_files import write_array
from index.manifest_text import TextRecord
from index.posting_runs import PostingRuns
from index.text_analysis import ANALYSIS_VERSION, STOP_WORDS, analyse, chunks_of, stem
from index.text_scoring import TEXT_FIELDS, TextScoring, row_impacts
from index.word_list import write_words
from index.word_signatures import signatures_of

WORDS_FILE = "text.words.npy"
WORD_OFFSETS_FILE = "text.word_offsets.npy"
WORD_TERMS_FILE = "text.word_terms.npy"
WORD_SIGNATURES_FILE = "text.word_signatures.npy"
POSTING_OFFSETS_FILE = "text.posting_offsets.npy"
POSTING_ROWS_FILE = "text.posting_rows.npy"
POSTING_IMPACTS_FILE = "text.posting_impacts.npy"

TEXT_FILES = frozenset(
    {
        WORDS_FILE,
        WORD_OFFSETS_FILE,
        WORD_TERMS_FILE,
        WORD_SIGNATURES_FILE,
        POSTING_OFFSETS_FILE,
        POSTING_ROWS_FILE,
        POSTING_IMPACTS_FILE,
    }
)

NO_WORD = -1
"""Term of an entry of the vocabulary that is a stem, but that no text holds as a word."""

_MOST_REMEMBERED_CHUNKS = 1_000_000
_MOST_REMEMBERED_LENGTH = 40


def write_text(
    batches: Iterable[pa.Table], directory: Path, scoring: TextScoring | None = None
) -> TextRecord:
    """Write the text's files.

    One pass. Memory grows with the distinct words, not with the rows: postings are sorted on disk,
    in the directory. About 20 seconds per million rows of a title and a sentence.

    Parameters
    ----------
    batches
        The shard's rows in their order, with ``title``, ``description`` string (nulls are empty)
        and ``tags`` list<string>.
    directory
        Existing directory to write into.
    scoring
        Weights of the fields.

    Returns
    -------
    TextRecord
        What the manifest says about the text.

    Raises
    ------
    OSError
        A file cannot be written.
    """
    scoring = scoring or TextScoring()
    vocabulary = _Vocabulary()
    field_words = np.zeros(len(TEXT_FIELDS), np.int64)
    first_row = 0
    with TemporaryDirectory(prefix=".postings-", dir=directory) as temporary:
        runs = PostingRuns(Path(temporary))
        for batch in batches:
            terms, lengths = _terms_of(batch, vocabulary)
            found, rows, impacts = row_impacts(terms, lengths, len(vocabulary.entries), scoring)
            runs.append(found, rows + np.int32(first_row), impacts)
            field_words += lengths.sum(axis=0)
            first_row += batch.num_rows
        order = vocabulary.write(directory)
        posting_count = runs.write(
            order,
            directory / POSTING_OFFSETS_FILE,
            directory / POSTING_ROWS_FILE,
            directory / POSTING_IMPACTS_FILE,
        )
    return TextRecord(
        analysis_version=ANALYSIS_VERSION,
        scoring=scoring,
        word_count=len(vocabulary.entries),
        posting_count=posting_count,
        field_words=dict(zip(TEXT_FIELDS, map(int, field_words), strict=True)),
    )


class _Vocabulary:
    """Words and stems in the order in which they were first met.

    Words are what texts hold, terms what they are searched by: several words have one stem. Both
    are entries of one list, for most are the same; an entry that is no stem has no postings.
    """

    def __init__(self) -> None:
        self.entries: dict[str, int] = {}
        self._term_of_entry = array("i")
        self._chunks: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {}

    def terms_of(self, chunk: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Terms of a chunk's words: of all, and of all but stop words."""
        known = self._chunks.get(chunk)
        if known is None:
            words = analyse(chunk).indexed
            terms = tuple([self._term_of(word) for word in words])
            known = terms, terms
            if not STOP_WORDS.isdisjoint(words):
                spoken = [word not in STOP_WORDS for word in words]
                known = terms, tuple(compress(terms, spoken))
            if len(chunk) <= _MOST_REMEMBERED_LENGTH:
                if len(self._chunks) >= _MOST_REMEMBERED_CHUNKS:
                    self._chunks.clear()
                self._chunks[chunk] = known
        return known

    def write(self, directory: Path) -> npt.NDArray[np.int64]:
        """Write the entries, sorted; return their numbers in their new order."""
        entries = [entry.encode() for entry in self.entries]
        order = np.array(sorted(range(len(entries)), key=entries.__getitem__), np.int64)
        words = [entries[number] for number in order]
        write_words(words, directory / WORDS_FILE, directory / WORD_OFFSETS_FILE)
        # The last place is for stems that are no words.
        place_of = np.full(len(order) + 1, NO_WORD, np.int32)
        place_of[order] = np.arange(len(order), dtype=np.int32)
        word_terms = place_of[np.array(self._term_of_entry, np.int32)[order]]
        write_array(directory / WORD_TERMS_FILE, word_terms.shape, np.int32, [word_terms])
        signatures = signatures_of(words)
        write_array(directory / WORD_SIGNATURES_FILE, signatures.shape, np.uint32, [signatures])
        return order

    def _term_of(self, word: str) -> int:
        entry = self._entry_of(word)
        term = self._term_of_entry[entry]
        if term == NO_WORD:
            stemmed = stem(word)
            term = entry if stemmed == word else self._entry_of(stemmed)
            self._term_of_entry[entry] = term
        return term

    def _entry_of(self, text: str) -> int:
        entry = self.entries.setdefault(text, len(self.entries))
        if entry == len(self._term_of_entry):
            self._term_of_entry.append(NO_WORD)
        return entry


def _terms_of(
    batch: pa.Table, vocabulary: _Vocabulary
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Terms of a batch's words, row by row and field by field, and how many each field has."""
    terms: list[int] = []
    lengths: list[int] = []
    terms_of = vocabulary.terms_of
    titles, tags, descriptions = (batch[name].to_pylist() for name in TEXT_FIELDS)
    for title, tag_list, description in zip(titles, tags, descriptions, strict=True):
        before = len(terms)
        # A stop word may be all that a title has; in a description it says nothing.
        for text in (title or "", " ".join(tag_list)):
            for chunk in chunks_of(text):
                terms += terms_of(chunk)[0]
            lengths.append(len(terms) - before)
            before = len(terms)
        for chunk in chunks_of(description or ""):
            terms += terms_of(chunk)[1]
        lengths.append(len(terms) - before)
    return (
        np.array(terms, np.int32),
        np.array(lengths, np.int32).reshape(-1, len(TEXT_FIELDS)),
    )
