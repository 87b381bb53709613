from collections.abc import Callable
from dataclasses import astuple, replace
from pathlib import Path

import pytest

from cluster.port_reservation import preferred_block
from cluster.ports import FIRST_PORT, PORT_COUNT, REPLICA_PORTS, InstancePorts, choose_ports
from hyper_registry.domain.errors.service import ClusterError

HOME = Path("/srv/registry")


def free_except(*taken: int) -> Callable[[str, int], bool]:
    return lambda _host, port: port not in taken


def choose(
    *,
    http_port: int | None = None,
    previous: InstancePorts | None = None,
    taken: tuple[int, ...] = (),
    home: Path = HOME,
) -> InstancePorts:
    return choose_ports(
        preferred_block(home),
        http_host="127.0.0.1",
        http_port=http_port,
        previous=previous,
        free=free_except(*taken),
    )


def occupied(ports: InstancePorts) -> list[int]:
    *single, first = astuple(ports)
    return [*single, *range(first, first + REPLICA_PORTS)]


def test_all_ports_differ_and_lie_in_the_range() -> None:
    numbers = occupied(choose())
    assert len(set(numbers)) == len(numbers) == 9 + REPLICA_PORTS
    assert all(FIRST_PORT <= number < FIRST_PORT + PORT_COUNT for number in numbers)


def test_the_same_home_chooses_the_same_ports_and_another_home_others() -> None:
    assert choose() == choose()
    assert not set(occupied(choose())) & set(occupied(choose(home=Path("/srv/other"))))


def test_taken_ports_are_passed_over() -> None:
    first = choose()
    second = choose(taken=(first.http, first.gcs, first.replica_first + 10))
    assert not {first.http, first.gcs, first.replica_first + 10} & set(occupied(second))


def test_previous_ports_are_kept_while_free() -> None:
    previous = replace(choose(), http=8080, gcs=FIRST_PORT + 5000, replica_first=FIRST_PORT + 6000)
    assert choose(previous=previous) == previous


def test_only_a_taken_port_is_chosen_anew() -> None:
    previous = choose()
    again = choose(previous=previous, taken=(previous.dashboard,))
    assert again.dashboard not in occupied(previous)
    assert replace(again, dashboard=previous.dashboard) == previous


def test_a_taken_replica_port_moves_the_whole_block() -> None:
    previous = choose()
    again = choose(previous=previous, taken=(previous.replica_first + 63,))
    assert previous.replica_first + 63 not in occupied(again)
    assert replace(again, replica_first=previous.replica_first) == previous


def test_a_wanted_port_is_used_even_if_another_was_used_before() -> None:
    previous = choose()
    assert choose(http_port=8080, previous=previous) == replace(previous, http=8080)


def test_a_wanted_port_that_another_part_had_is_given_to_the_api() -> None:
    previous = choose()
    again = choose(http_port=previous.gcs, previous=previous)
    assert again.http == previous.gcs
    assert len(set(occupied(again))) == 9 + REPLICA_PORTS


def test_a_wanted_port_that_is_taken_is_an_error() -> None:
    with pytest.raises(ClusterError, match=r"port 8080 of 127\.0\.0\.1 is taken") as caught:
        choose(http_port=8080, taken=(8080,))
    assert caught.value.remedy == "Stop the other program, or choose another port for the API."


def test_a_full_machine_is_an_error() -> None:
    with pytest.raises(ClusterError, match="none of 20000 to 29999 is free"):
        choose(taken=tuple(range(FIRST_PORT, FIRST_PORT + PORT_COUNT)))
