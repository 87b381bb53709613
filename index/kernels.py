"""Compiled inner loops: exact dot products over chosen rows, and membership in list columns.

All release the GIL, run on the calling thread alone and write into an array of the caller, so any
number of searches may run at once. Rows are summed in one fixed order whatever the other rows are:
equal vectors get equal scores in every shard, which makes ties, and so answers, deterministic.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
import numpy.typing as npt

_Result = TypeVar("_Result")

# A float16 shifted into a float32 has an exponent that is too small by 127 - 15 = 112.
_HALF_TO_SINGLE = np.float32(2.0**112)
# Below it a float16 is subnormal. Subnormal operands cost the processor a hundredfold.
_SMALLEST_NORMAL_HALF = np.float32(2.0**-14)


def compiled(function: Callable[..., _Result], **options: Any) -> Callable[..., _Result]:
    """Compile for the processor at first call, kept on disk where there is a place for it.

    Numba looks for a writable place beside the source, then in the user's cache directory, and
    raises when there is neither (a read-only installation run by a user without a home). Then
    each process compiles for itself: about a second per kernel, once.
    """
    try:
        return numba.njit(nogil=True, cache=True, **options)(function)
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        return numba.njit(nogil=True, **options)(function)


def encode_half(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
    """Round to float16 without subnormal values.

    Components below 2**-14 (6.1e-5) become 0. In a unit vector that moves a cosine by less than
    rounding the larger components does.

    Parameters
    ----------
    vectors
        (n, dimension) float32.

    Returns
    -------
    numpy.ndarray
        (n, dimension) float16.
    """
    return np.where(np.abs(vectors) < _SMALLEST_NORMAL_HALF, 0, vectors).astype(np.float16)


def half_scores(
    query: npt.NDArray[np.float32],
    rows: npt.NDArray[np.float16],
    row_ids: npt.NDArray[np.int32],
) -> npt.NDArray[np.float32]:
    """Dot products of a query with chosen float16 rows, computed in float32.

    O(m * dimension); about 0.11 microseconds a row of 384 components when the rows are in memory.

    Parameters
    ----------
    query
        (dimension,) float32, components within [-1, 1].
    rows
        (n, dimension) float16, C-contiguous.
    row_ids
        (m,) int32, each within [0, n).

    Returns
    -------
    numpy.ndarray
        (m,) float32.
    """
    scores = np.empty(len(row_ids), np.float32)
    # Scaling the query once makes up for the exponents: each product is exact in its exponent.
    _half_dots(query * _HALF_TO_SINGLE, rows.view(np.uint16), row_ids, scores)
    return scores


def int8_scores(
    query: npt.NDArray[np.float32],
    rows: npt.NDArray[np.int8],
    scales: npt.NDArray[np.float32],
    row_ids: npt.NDArray[np.int32],
) -> npt.NDArray[np.float32]:
    """Approximate dot products of a query with chosen int8 rows, up to one constant factor.

    O(m * dimension); about 0.06 microseconds a row of 384 components. The factor left out is the
    query's own scale, which changes no order.

    Parameters
    ----------
    query
        (dimension,) float32, not zero.
    rows
        (n, dimension) int8, C-contiguous.
    scales
        (n,) float32: ``rows[i] * scales[i]`` is row i.
    row_ids
        (m,) int32, each within [0, n).

    Returns
    -------
    numpy.ndarray
        (m,) float32.
    """
    # int16 holds int8 values here because multiply-add of int16 pairs is one instruction.
    query_steps = np.rint(query * (127 / np.abs(query).max())).astype(np.int16)
    scores = np.empty(len(row_ids), np.float32)
    _int8_dots(query_steps, rows, scales, row_ids, scores)
    return scores


def lists_with_any(
    offsets: npt.NDArray[np.int32],
    codes: npt.NDArray[np.int32],
    wanted: npt.NDArray[np.bool_],
) -> npt.NDArray[np.bool_]:
    """Tell for each list of a list column whether it holds a wanted code.

    O(n + number of codes).

    Parameters
    ----------
    offsets
        (n + 1,) int32, rising: list i is ``codes[offsets[i]:offsets[i + 1]]``.
    codes
        (at least ``offsets[n]``,) int32, each within the length of ``wanted``.
    wanted
        One bool per code.

    Returns
    -------
    numpy.ndarray
        (n,) bool.
    """
    found = np.zeros(len(offsets) - 1, np.bool_)
    _mark_lists_with_any(offsets, codes, wanted, found)
    return found


def compile_kernels() -> None:
    """Compile, or load from the cache, all kernels now rather than at the first search."""
    row_ids = np.zeros(1, np.int32)
    halves = np.zeros((1, 4), np.float16)
    steps = np.zeros((1, 4), np.int8)
    scales = np.zeros(1, np.float32)
    offsets = np.zeros(2, np.int32)
    # Memory-mapped arrays are read-only, which numba compiles apart from writable ones.
    for array in (halves, steps, scales, offsets):
        array.flags.writeable = False
    query = np.ones(4, np.float32)
    half_scores(query, halves, row_ids)
    int8_scores(query, steps, scales, row_ids)
    lists_with_any(offsets, offsets, np.zeros(1, np.bool_))


def _half_dots_loop(
    scaled_query: npt.NDArray[np.float32],
    rows: npt.NDArray[np.uint16],
    row_ids: npt.NDArray[np.int32],
    scores: npt.NDArray[np.float32],
) -> None:
    for position in range(row_ids.shape[0]):
        row = rows[row_ids[position]]
        total = np.float32(0)
        for component in range(scaled_query.shape[0]):
            half = np.uint32(row[component])
            # Sign to bit 31, exponent and mantissa up by the 13 extra mantissa bits of float32.
            magnitude = np.uint32(np.uint32(half & np.uint32(0x7FFF)) << np.uint32(13))
            sign = np.uint32(np.uint32(half & np.uint32(0x8000)) << np.uint32(16))
            single = np.uint32(magnitude | sign).view(np.float32)
            total += single * scaled_query[component]
        scores[position] = total


def _int8_dots_loop(
    query_steps: npt.NDArray[np.int16],
    rows: npt.NDArray[np.int8],
    scales: npt.NDArray[np.float32],
    row_ids: npt.NDArray[np.int32],
    scores: npt.NDArray[np.float32],
) -> None:
    for position in range(row_ids.shape[0]):
        row_id = row_ids[position]
        row = rows[row_id]
        total = np.int32(0)
        for component in range(query_steps.shape[0]):
            product = np.int32(query_steps[component]) * np.int32(row[component])
            # Numba widens sums to int64, which would halve the vector width.
            total = np.int32(total + np.int32(product))
        scores[position] = np.float32(total) * scales[row_id]


def _mark_lists_with_any_loop(
    offsets: npt.NDArray[np.int32],
    codes: npt.NDArray[np.int32],
    wanted: npt.NDArray[np.bool_],
    found: npt.NDArray[np.bool_],
) -> None:
    for row in range(found.shape[0]):
        for position in range(offsets[row], offsets[row + 1]):
            if wanted[codes[position]]:
                found[row] = True
                break


# Letting the compiler reorder the sum is what allows vector instructions.
_half_dots = compiled(_half_dots_loop, fastmath={"reassoc", "contract", "nsz"})
_int8_dots = compiled(_int8_dots_loop)
_mark_lists_with_any = compiled(_mark_lists_with_any_loop)
