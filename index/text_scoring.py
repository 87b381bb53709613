"""How much a word in a row's fields says about the row: the part of BM25F that is stored.

S. Robertson, H. Zaragoza, M. Taylor, "Simple BM25 extension to multiple weighted fields", CIKM
2004. A word's frequency in each field is divided by the field's length in relation to a typical
one, weighted, and summed; the sum saturates. How rare the word is enters when a query is asked, and
typical lengths are given rather than measured, so the same row has the same impacts in any shard.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from index.kernels import compiled

TEXT_FIELDS = ("title", "tags", "description")

MOST_IMPACT = 65_535
"""An impact of 1, which no frequency reaches: impacts are stored as 16-bit steps up to it."""


@dataclass(frozen=True, slots=True)
class TextScoring:
    """Weights of a row's fields.

    Attributes
    ----------
    saturation
        Weighted frequency at which a word has half the impact that it can have.
    weights
        How much one occurrence counts in each of ``TEXT_FIELDS``.
    length_effects
        From 0, where a field's length is ignored, to 1, where only the word's share in it counts.
    typical_lengths
        Length, in words, up to which a field's occurrences count as they are: a description of one
        word is no better than one of ten.
    """

    saturation: float = 1.2
    weights: tuple[float, float, float] = (3.0, 1.5, 1.0)
    length_effects: tuple[float, float, float] = (0.2, 0.3, 0.75)
    typical_lengths: tuple[float, float, float] = (1.0, 4.0, 15.0)


def row_impacts(
    terms: npt.NDArray[np.int32],
    lengths: npt.NDArray[np.int32],
    term_count: int,
    scoring: TextScoring,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.uint16]]:
    """Compute the impact of every distinct term of each row; O(terms + term_count).

    Parameters
    ----------
    terms
        (m,) int32: term of each word, row by row, within a row field by field.
    lengths
        (n, fields) int32: words of each row's fields; their sum is m.
    term_count
        Every term is below it.
    scoring
        Weights of the fields.

    Returns
    -------
    tuple
        Terms (p,) int32, their rows (p,) int32 counted from 0, rising, and impacts (p,) uint16 from
        1 to ``MOST_IMPACT``.
    """
    found = np.empty(len(terms), np.int32)
    rows = np.empty(len(terms), np.int32)
    frequencies = np.empty(len(terms), np.float32)
    counts = np.zeros(1, np.int64)
    relative = np.maximum(lengths / np.array(scoring.typical_lengths), 1)
    shares = 1 + np.array(scoring.length_effects) * (relative - 1)
    word_weights = (np.array(scoring.weights) / shares).astype(np.float32)
    place = np.full(term_count, -1, np.int64)
    _collect_terms(terms, lengths, word_weights, place, found, rows, frequencies, counts)
    count = int(counts[0])
    weighted = frequencies[:count].astype(np.float64)
    impacts = np.rint(MOST_IMPACT * weighted / (scoring.saturation + weighted))
    return found[:count], rows[:count], np.clip(impacts, 1, MOST_IMPACT).astype(np.uint16)


def _collect_terms_loop(
    terms: npt.NDArray[np.int32],
    lengths: npt.NDArray[np.int32],
    word_weights: npt.NDArray[np.float32],
    place: npt.NDArray[np.int64],
    found: npt.NDArray[np.int32],
    rows: npt.NDArray[np.int32],
    frequencies: npt.NDArray[np.float32],
    counts: npt.NDArray[np.int64],
) -> None:
    count = 0
    position = 0
    for row in range(lengths.shape[0]):
        # Places before this one belong to earlier rows.
        start = count
        for field in range(lengths.shape[1]):
            weight = word_weights[row, field]
            for _ in range(lengths[row, field]):
                term = terms[position]
                position += 1
                at = place[term]
                if at < start:
                    at = count
                    place[term] = at
                    found[at] = term
                    rows[at] = row
                    frequencies[at] = 0
                    count += 1
                frequencies[at] += weight
    counts[0] = count


_collect_terms = compiled(_collect_terms_loop)
