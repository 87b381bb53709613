"""Scoring the rows of one shard for a text query, with filter, exact totals and facets.

The rows of each clause's posting lists are added up in an array of scores, which the rows touched
are then collected from; nothing is read of the rows that no word is in. Best matching:
S. Robertson, H. Zaragoza, "The probabilistic relevance framework: BM25 and beyond", 2009.
"""

from collections import deque
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from index.array_files import mapped_array
from index.attributes import AttributeColumns
from index.errors import IndexFormatError
from index.manifest_text import TextRecord
from index.nearest import RowMask
from index.ranking import ranked
from index.text_analysis import ANALYSIS_VERSION
from index.text_clauses import Role, WeightedClause
from index.text_hits import TextHits, TextMatches, no_hits
from index.text_kernels import REQUIRED_UNIT, add_clause, collect, exclude
from index.text_scoring import MOST_IMPACT
from index.text_writer import POSTING_IMPACTS_FILE, POSTING_OFFSETS_FILE, POSTING_ROWS_FILE
from index.vocabulary import Vocabulary


class ShardText:
    """The mapped text of one shard, safe for concurrent searches.

    Every search that runs at the same time has a score board of its own, 20 bytes a row, which is
    kept for later ones.

    Parameters
    ----------
    directory
        The shard's directory.
    record
        What its manifest says about the text.
    entry_keys
        (n,) int64, rising: key of each row.
    attributes
        Attributes of each row, for facets.

    Attributes
    ----------
    vocabulary
        Words and stems.

    Raises
    ------
    IndexFormatError
        The text was cut into words by another version of the analysis, or a file does not hold
        what the manifest says.
    """

    def __init__(
        self,
        directory: Path,
        record: TextRecord,
        entry_keys: npt.NDArray[np.int64],
        attributes: AttributeColumns,
    ) -> None:
        if record.analysis_version != ANALYSIS_VERSION:
            reason = f"text is of analysis {record.analysis_version!r}, not {ANALYSIS_VERSION!r}"
            raise IndexFormatError(str(directory), f"{reason}: build the index anew")
        self._keys = entry_keys
        self._attributes = attributes
        self._offsets = mapped_array(
            directory / POSTING_OFFSETS_FILE, (record.word_count + 1,), np.uint32
        )
        self._rows = mapped_array(directory / POSTING_ROWS_FILE, (record.posting_count,), np.int32)
        self._impacts = mapped_array(
            directory / POSTING_IMPACTS_FILE, (record.posting_count,), np.uint16
        )
        if self._offsets[-1] != record.posting_count:
            reason = f"ends at {self._offsets[-1]}, the manifest says {record.posting_count}"
            raise IndexFormatError(str(directory / POSTING_OFFSETS_FILE), reason)
        self.vocabulary = Vocabulary(directory, record.word_count, self._offsets)
        self._boards: deque[_ScoreBoard] = deque()

    @property
    def row_count(self) -> int:
        """Rows of the shard."""
        return len(self._keys)

    def search(
        self,
        clauses: Sequence[WeightedClause],
        k: int,
        permitted: RowMask | None = None,
        *,
        relaxed: bool = True,
        facets: Sequence[str] = (),
    ) -> TextMatches:
        """Find the rows that match, best first.

        O(postings of the clauses' terms); some nanoseconds each.

        Parameters
        ----------
        clauses
            At most ``index.text_clauses.MOST_CLAUSES``, weighted the same in all shards.
        k
            Hits asked for of either kind, at least 1.
        permitted
            (n,) bool: rows that may be found; None permits all.
        relaxed
            Whether rows with some words are looked for.
        facets
            Columns whose values are to be counted.
        """
        scored = [clause for clause in clauses if clause.role is not Role.EXCLUDED]
        required = sum(clause.role is Role.REQUIRED for clause in scored)
        if not scored or not self.row_count:
            return TextMatches(no_hits(), no_hits())
        try:
            board = self._boards.pop()
        except IndexError:
            board = _ScoreBoard(self.row_count)
        touched = np.zeros(1, np.int64)
        for clause in clauses:
            terms, weights = self._known(clause)
            if not len(terms) or clause.role is Role.EXCLUDED:
                continue
            unit = REQUIRED_UNIT if clause.role is Role.REQUIRED else 1
            add_clause(
                self._offsets, self._rows, self._impacts, terms, weights, unit, board.sums,
                board.best, board.touched, touched,
            )  # fmt: skip
        for clause in clauses:
            if clause.role is Role.EXCLUDED:
                exclude(self._offsets, self._rows, self._known(clause)[0], board.sums)
        count = min(k, self.row_count)
        heap_scores = np.zeros((2, count), np.float32)
        heap_rows = np.zeros((2, count), np.int32)
        totals = np.zeros(2, np.int64)
        collect(
            board.touched, int(touched[0]), _EVERY_ROW if permitted is None else permitted,
            required * REQUIRED_UNIT + len(scored) - required, int(relaxed), board.sums,
            board.others, totals, heap_scores, heap_rows,
        )  # fmt: skip
        tiers = [
            self._hits(rows[: totals[tier]], heap_scores[tier], heap_rows[tier], facets)
            for tier, rows in enumerate((board.touched, board.others))
        ]
        # Not given back if anything fails: its sums may be half done.
        self._boards.append(board)
        return TextMatches(*tiers)

    def _known(
        self, clause: WeightedClause
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """Numbers and weights of the clause's terms that the shard has."""
        found = [
            (number, weight)
            for term, weight in zip(clause.terms, clause.weights, strict=True)
            if (number := self.vocabulary.term(term)) is not None
        ]
        numbers = np.array([number for number, _ in found], np.int32)
        # Impacts are steps up to MOST_IMPACT.
        weights = np.array([weight / MOST_IMPACT for _, weight in found], np.float32)
        return numbers, weights

    def _hits(
        self,
        rows: npt.NDArray[np.int32],
        heap_scores: npt.NDArray[np.float32],
        heap_rows: npt.NDArray[np.int32],
        facets: Sequence[str],
    ) -> TextHits:
        scores = heap_scores[: len(rows)]
        keys = self._keys[heap_rows[: len(rows)]]
        order = ranked(scores, keys, len(scores))
        counts = {name: self._attributes.count_values(name, rows) for name in facets}
        return TextHits(keys[order], scores[order], len(rows), counts)


class _ScoreBoard:
    """Sums of one search at a time, all zero between searches."""

    def __init__(self, row_count: int) -> None:
        self.sums = np.zeros((row_count, 2), np.float32)
        self.best = np.zeros(row_count, np.float32)
        self.touched = np.empty(row_count, np.int32)
        self.others = np.empty(row_count, np.int32)


_EVERY_ROW = np.empty(0, np.bool_)
