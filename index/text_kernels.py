"""Compiled loops of a text search: adding up impacts, choosing the best rows, counting facets.

All release the GIL and run on the calling thread alone. Sums are made in the order of the query's
clauses in every shard, so equal rows get equal scores wherever they lie.

A score board has for each row its score and how many clauses it satisfies, side by side because
most of the time goes into fetching them from memory. The count is a float32, exact up to
16 million.
"""

import numpy as np
import numpy.typing as npt

from index.kernels import compiled

REQUIRED_UNIT = 256
"""What a row's count of satisfied clauses grows by for a required one; by 1 for another."""
EXCLUDED = 65_535
"""The count of a row that an excluded word rules out."""


def _add_clause_loop(
    offsets: npt.NDArray[np.uint32],
    rows: npt.NDArray[np.int32],
    impacts: npt.NDArray[np.uint16],
    terms: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    unit: int,
    board: npt.NDArray[np.float32],
    best: npt.NDArray[np.float32],
    touched: npt.NDArray[np.int32],
    counts: npt.NDArray[np.int64],
) -> None:
    """Add the impacts of one clause to the board, of several terms in a row the largest.

    ``counts[0]`` of ``touched`` are rows that an earlier clause was in. ``best`` is 0
    everywhere before and after.
    """
    count = counts[0]
    if len(terms) == 1:
        weight = weights[0]
        for posting in range(offsets[terms[0]], offsets[terms[0] + 1]):
            row = rows[posting]
            seen = board[row, 1]
            if seen == 0:
                touched[count] = row
                count += 1
            board[row, 1] = seen + unit
            board[row, 0] += weight * np.float32(impacts[posting])
        counts[0] = count
        return
    most = 0
    for term in terms:
        most += np.int64(offsets[term + 1]) - np.int64(offsets[term])
    found = np.empty(min(most, len(best)), np.int32)
    size = 0
    for at in range(len(terms)):
        term = terms[at]
        weight = weights[at]
        for posting in range(offsets[term], offsets[term + 1]):
            row = rows[posting]
            impact = weight * np.float32(impacts[posting])
            before = best[row]
            if before == 0:
                found[size] = row
                size += 1
            if impact > before:
                best[row] = impact
    for at in range(size):
        row = found[at]
        seen = board[row, 1]
        if seen == 0:
            touched[count] = row
            count += 1
        board[row, 1] = seen + unit
        board[row, 0] += best[row]
        best[row] = 0
    counts[0] = count


def _exclude_loop(
    offsets: npt.NDArray[np.uint32],
    rows: npt.NDArray[np.int32],
    terms: npt.NDArray[np.int32],
    board: npt.NDArray[np.float32],
) -> None:
    """Rule out, of the rows found so far, those that have one of the terms."""
    for term in terms:
        for posting in range(offsets[term], offsets[term + 1]):
            if board[rows[posting], 1]:
                board[rows[posting], 1] = EXCLUDED


def compile_text_kernels() -> None:
    """Compile, or load from the cache, all kernels now rather than at the first search."""
    offsets = np.array([0, 1], np.uint32)
    rows, impacts = np.zeros(1, np.int32), np.ones(1, np.uint16)
    # Memory-mapped arrays are read-only, which numba compiles apart from writable ones.
    for array in (offsets, rows, impacts):
        array.flags.writeable = False
    term, weight = np.zeros(1, np.int32), np.ones(1, np.float32)
    board, best = np.zeros((1, 2), np.float32), np.zeros(1, np.float32)
    touched, count = np.zeros(1, np.int32), np.zeros(1, np.int64)
    heap_scores, heap_rows = np.zeros((2, 1), np.float32), np.zeros((2, 1), np.int32)
    totals = np.zeros(2, np.int64)
    add_clause(offsets, rows, impacts, term, weight, 1, board, best, touched, count)
    exclude(offsets, rows, term, board)
    collect(touched, 1, np.ones(1, np.bool_), 1, 1, board, touched, totals, heap_scores, heap_rows)
    list_offsets = np.zeros(2, np.int32)
    list_offsets.flags.writeable = False
    count_codes(touched, rows, totals)
    count_list_codes(touched, list_offsets, rows, totals)


def _worse_loop(score: float, row: int, other_score: float, other_row: int) -> bool:
    """Whether a row ranks behind another."""
    return score < other_score or (score == other_score and row > other_row)


_worse = compiled(_worse_loop)


def _offer_loop(
    scores: npt.NDArray[np.float32],
    rows: npt.NDArray[np.int32],
    size: int,
    score: np.float32,
    row: int,
) -> None:
    """Keep a row in a heap of the best, which has the worst of them first.

    ``size`` rows were offered before; a heap's unused places come last.
    """
    capacity = len(scores)
    if size < capacity:
        # Climb from a new last place.
        hole = size
        while hole:
            parent = (hole - 1) >> 1
            if not _worse(score, row, scores[parent], rows[parent]):
                break
            scores[hole] = scores[parent]
            rows[hole] = rows[parent]
            hole = parent
    else:
        if _worse(score, row, scores[0], rows[0]):
            return
        # Replace the worst and sink.
        hole = 0
        while True:
            child = 2 * hole + 1
            if child >= capacity:
                break
            if child + 1 < capacity and _worse(
                scores[child + 1], rows[child + 1], scores[child], rows[child]
            ):
                child += 1
            if not _worse(scores[child], rows[child], score, row):
                break
            scores[hole] = scores[child]
            rows[hole] = rows[child]
            hole = child
    scores[hole] = score
    rows[hole] = row


_offer = compiled(_offer_loop)


def _collect_loop(
    touched: npt.NDArray[np.int32],
    touched_count: int,
    permitted: npt.NDArray[np.bool_],
    all_satisfied: int,
    some_suffice: int,
    board: npt.NDArray[np.float32],
    others: npt.NDArray[np.int32],
    totals: npt.NDArray[np.int64],
    heap_scores: npt.NDArray[np.float32],
    heap_rows: npt.NDArray[np.int32],
) -> None:
    """Divide the touched rows into those with all words and those with some, and keep the best.

    Leaves the rows with all words at the front of ``touched``, those with some in ``others``, how
    many in ``totals``, and zeros on the board. ``permitted`` of length 0 permits all. There is a
    heap of (k,) for each kind.
    """
    with_all = 0
    with_some = 0
    required = all_satisfied - all_satisfied % REQUIRED_UNIT
    # Taken out of the loop, where each view would be counted as a reference.
    all_scores, some_scores = heap_scores[0], heap_scores[1]
    all_rows, some_rows = heap_rows[0], heap_rows[1]
    capacity = len(all_scores)
    for at in range(touched_count):
        row = touched[at]
        score = board[row, 0]
        seen = board[row, 1]
        board[row, 0] = 0
        board[row, 1] = 0
        if seen == EXCLUDED or (len(permitted) and not permitted[row]):
            continue
        if seen == all_satisfied:
            if with_all < capacity or score >= all_scores[0]:
                _offer(all_scores, all_rows, with_all, score, row)
            touched[with_all] = row
            with_all += 1
        elif some_suffice and seen >= required:
            if with_some < capacity or score >= some_scores[0]:
                _offer(some_scores, some_rows, with_some, score, row)
            others[with_some] = row
            with_some += 1
    totals[0] = with_all
    totals[1] = with_some


def _count_codes_loop(
    row_ids: npt.NDArray[np.int32],
    codes: npt.NDArray[np.int32],
    counts: npt.NDArray[np.int64],
) -> None:
    """Count the codes of a plain column in the given rows; -1, no value, at the last place."""
    for row in row_ids:
        counts[codes[row]] += 1


def _count_list_codes_loop(
    row_ids: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int32],
    codes: npt.NDArray[np.int32],
    counts: npt.NDArray[np.int64],
) -> None:
    """Count the codes of a list column in the given rows; a code counts once in a row."""
    for row in row_ids:
        for at in range(offsets[row], offsets[row + 1]):
            repeated = False
            for before in range(offsets[row], at):
                if codes[before] == codes[at]:
                    repeated = True
                    break
            if not repeated:
                counts[codes[at]] += 1


add_clause = compiled(_add_clause_loop)
exclude = compiled(_exclude_loop)
collect = compiled(_collect_loop)
count_codes = compiled(_count_codes_loop)
count_list_codes = compiled(_count_list_codes_loop)
