import numpy as np
import pytest

from index.kernels import (
    compile_kernels,
    compiled,
    encode_half,
    half_scores,
    int8_scores,
    lists_with_any,
)


def read_only(array):
    array.flags.writeable = False
    return array


@pytest.mark.parametrize("dimension", [1, 7, 384])
def test_half_scores_are_the_dot_products_of_the_stored_rows(dimension):
    random = np.random.default_rng(dimension)
    rows = read_only(random.uniform(-1, 1, (50, dimension)).astype(np.float16))
    query = random.uniform(-1, 1, dimension).astype(np.float32)
    row_ids = np.array([49, 0, 7, 7], np.int32)
    scores = half_scores(query, rows, row_ids)
    expected = rows[row_ids].astype(np.float64) @ query.astype(np.float64)
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert scores[2] == scores[3]


def test_half_scores_decode_every_finite_half():
    halves = np.arange(0x10000, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)]
    one = np.ones(1, np.float32)
    scores = half_scores(one, halves[:, None], np.arange(len(halves), dtype=np.int32))
    np.testing.assert_array_equal(scores, halves.astype(np.float32))


def test_encoding_drops_subnormals_and_rounds_the_rest():
    encoded = encode_half(np.array([[6.0e-5, -6.0e-5, 2.0**-14, -0.1, 1.0]], np.float32))
    assert encoded.dtype == np.float16
    expected = [0, 0, 2.0**-14, np.float16(-0.1), 1]
    assert encoded[0].tolist() == expected


def test_int8_scores_are_the_scaled_products_of_the_steps():
    random = np.random.default_rng(3)
    steps = read_only(random.integers(-127, 128, (40, 384)).astype(np.int8))
    scales = read_only(random.uniform(0.001, 0.01, 40).astype(np.float32))
    # With a largest component of 127 the query's own steps are exact.
    query = random.integers(-127, 128, 384)
    query[5] = -127
    row_ids = np.arange(40, dtype=np.int32)[::-1].copy()
    scores = int8_scores(query.astype(np.float32), steps, scales, row_ids)
    expected = (steps[row_ids].astype(np.int64) @ query) * scales[row_ids].astype(np.float64)
    np.testing.assert_allclose(scores, expected, rtol=1e-6)


def test_lists_with_any_finds_members_and_skips_empty_lists():
    offsets = np.array([0, 2, 2, 3, 5], np.int32)
    codes = np.array([0, 1, 2, 1, 3], np.int32)
    wanted = np.array([False, True, False, True])
    assert lists_with_any(offsets, codes, wanted).tolist() == [True, False, False, True]


def test_function_without_a_place_for_a_cache_is_compiled_all_the_same():
    # Numba finds no source file to put a cache beside, as on a read-only installation.
    namespace = {}
    exec("def double(values):\n    values *= 2\n", namespace)  # no source file is the point
    values = np.array([1.0, 2.5])
    compiled(namespace["double"])(values)
    assert values.tolist() == [2.0, 5.0]


def test_kernels_compile_ahead():
    compile_kernels()
