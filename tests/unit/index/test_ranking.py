import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from index.ranking import best_positions, ranked

SCORES = st.lists(st.integers(-3, 3), max_size=30)


@given(SCORES, st.integers(1, 40))
def test_best_positions_are_those_of_a_stable_sort(scores, count):
    best = best_positions(np.array(scores, np.float32), count)
    stable = sorted(range(len(scores)), key=lambda at: (-scores[at], at))
    assert best.tolist() == sorted(stable[:count])


@given(SCORES, st.integers(1, 40), st.randoms())
def test_ranking_is_by_falling_score_then_rising_key(scores, count, random):
    keys = list(range(100, 100 + len(scores)))
    random.shuffle(keys)
    order = ranked(np.array(scores, np.float32), np.array(keys, np.int64), count)
    expected = sorted(range(len(scores)), key=lambda at: (-scores[at], keys[at]))
    assert order.tolist() == expected[:count]
