import numpy as np
import pytest

from index.errors import IndexQueryError
from index.query import MOST_HITS, checked_hit_count, unit_query


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_query_is_scaled_to_length_one(kind):
    vector = unit_query(np.array([3, 0, -4], kind), 3)
    assert vector.dtype == np.float32
    np.testing.assert_allclose(vector, [0.6, 0, -0.8], atol=1e-7)


@pytest.mark.parametrize("size", [1e-300, 1e-30, 1e30, 1e300])
def test_extreme_lengths_keep_their_direction(size):
    vector = unit_query(np.array([3 * size, 4 * size]), 2)
    np.testing.assert_allclose(vector, [0.6, 0.8], atol=1e-7)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (np.zeros(3, np.float32), "zero"),
        (np.array([1, np.nan, 0], np.float32), "component 1 is nan"),
        (np.array([1, 0, -np.inf], np.float32), "component 2 is -inf"),
        (np.ones(4, np.float32), r"shape is \(4,\), the index holds \(3,\)"),
        (np.ones((1, 3), np.float32), r"shape is \(1, 3\)"),
        (np.ones(3, np.int64), "type is int64"),
        (np.array(["a", "b", "c"]), "type is <U1"),
    ],
)
def test_query_without_direction_is_refused(query, reason):
    with pytest.raises(IndexQueryError, match=reason) as caught:
        unit_query(query, 3)
    assert caught.value.field == "query"


@pytest.mark.parametrize("k", [1, np.int64(7), MOST_HITS])
def test_hit_count_within_range_is_kept(k):
    assert checked_hit_count(k) == k


@pytest.mark.parametrize("k", [0, -1, MOST_HITS + 1, True, 2.0, "3", None])
def test_hit_count_out_of_range_is_refused(k):
    with pytest.raises(IndexQueryError, match="k: is"):
        checked_hit_count(k)
