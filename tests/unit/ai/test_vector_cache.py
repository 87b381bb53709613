"""What the vector cache keeps and lets go."""

import numpy as np

from hyper_registry.ai.vector_cache import VectorCache, text_key


def vector(value: float) -> np.ndarray:
    return np.full(3, value, dtype=np.float32)


def test_least_recently_used_vector_goes_first() -> None:
    cache = VectorCache(2)
    cache.put(b"a", vector(1))
    cache.put(b"b", vector(2))
    assert cache.get(b"a") is not None
    cache.put(b"c", vector(3))
    assert cache.get(b"b") is None
    np.testing.assert_array_equal(cache.get(b"a"), vector(1))
    np.testing.assert_array_equal(cache.get(b"c"), vector(3))
    assert len(cache) == 2


def test_putting_again_replaces_and_counts_as_use() -> None:
    cache = VectorCache(2)
    cache.put(b"a", vector(1))
    cache.put(b"b", vector(2))
    cache.put(b"a", vector(4))
    cache.put(b"c", vector(3))
    np.testing.assert_array_equal(cache.get(b"a"), vector(4))
    assert cache.get(b"b") is None


def test_held_vectors_are_copies() -> None:
    cache = VectorCache(1)
    original = vector(1)
    cache.put(b"a", original)
    original[:] = 9
    np.testing.assert_array_equal(cache.get(b"a"), vector(1))


def test_capacity_of_none_holds_none() -> None:
    cache = VectorCache(0)
    cache.put(b"a", vector(1))
    assert len(cache) == 0
    assert cache.get(b"a") is None


def test_keys_tell_texts_apart() -> None:
    keys = {text_key(text) for text in ("", " ", "a", "A", "é", "e\u0301")}
    assert len(keys) == 6
    assert {len(key) for key in keys} == {16}
