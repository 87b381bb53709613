"""How often garbage is collected while rows stream through."""

import gc
from collections.abc import Iterator

import pytest

from hyper_registry.catalog.garbage import collected_rarely


@pytest.fixture(autouse=True)
def thresholds() -> Iterator[tuple[int, int, int]]:
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield (700, 10, 10)
    gc.set_threshold(*before)


def test_the_thresholds_come_back_after_an_error() -> None:
    seen: list[tuple[int, int, int]] = []

    def fail() -> None:
        seen.append(gc.get_threshold())
        raise LookupError

    with pytest.raises(LookupError), collected_rarely():
        fail()
    assert seen[0][0] > 100_000
    assert seen[0][1:] == (10, 10)
    assert gc.get_threshold() == (700, 10, 10)


def test_the_last_of_several_streams_brings_them_back() -> None:
    first, second = collected_rarely(), collected_rarely()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold()[0] > 100_000
    second.__exit__(None, None, None)
    assert gc.get_threshold() == (700, 10, 10)


@pytest.mark.parametrize("young", [0, 10_000_000])
def test_a_process_that_collects_more_rarely_still_is_left_alone(young: int) -> None:
    gc.set_threshold(young, 10, 10)
    with collected_rarely():
        assert gc.get_threshold() == (young, 10, 10)
    assert gc.get_threshold() == (young, 10, 10)
