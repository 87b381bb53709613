import os
import sys
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from cluster.port_reservation import BLOCK_PORTS, preferred_block, reserved_block
from cluster.ports import FIRST_PORT, PORT_COUNT
from cluster.ray_head import launch_detached
from hyper_registry.domain.errors.service import ClusterError


def test_a_held_block_is_passed_over_until_it_is_let_go(tmp_path: Path):
    with reserved_block(21_300, tmp_path) as one:
        with reserved_block(21_300, tmp_path) as two:
            assert (one.first, two.first) == (21_300, 21_400)
        with reserved_block(21_300, tmp_path) as three:
            assert three.first == 21_400
    with reserved_block(21_300, tmp_path) as four:
        assert four.first == 21_300


def test_the_search_goes_round(tmp_path: Path):
    last = FIRST_PORT + PORT_COUNT - BLOCK_PORTS
    with reserved_block(last, tmp_path), reserved_block(last, tmp_path) as next_one:
        assert next_one.first == FIRST_PORT


def test_no_block_left_is_an_error(tmp_path: Path):
    with ExitStack() as held:
        for _ in range(PORT_COUNT // BLOCK_PORTS):
            held.enter_context(reserved_block(FIRST_PORT, tmp_path))
        with pytest.raises(ClusterError, match="hold every block"):
            held.enter_context(reserved_block(FIRST_PORT, tmp_path))


def test_a_process_that_inherited_the_descriptor_keeps_the_block_until_it_is_killed(tmp_path: Path):
    with reserved_block(21_300, tmp_path) as block:
        command = [sys.executable, "-c", "import time; time.sleep(60)"]
        identity = launch_detached(
            command, dict(os.environ), tmp_path / "log", held=block.descriptor
        )
    process = psutil.Process(identity.pid)
    try:
        with reserved_block(21_300, tmp_path) as other:
            assert other.first == 21_400
    finally:
        process.kill()
        os.waitpid(identity.pid, 0)
    # waitpid has seen its end, and with it the kernel closed its descriptors.
    with reserved_block(21_300, tmp_path) as again:
        assert again.first == 21_300


def test_homes_spread_over_the_blocks():
    firsts = {preferred_block(Path(f"/srv/{n}")) for n in range(200)}
    assert len(firsts) > 50
    assert all((first - FIRST_PORT) % BLOCK_PORTS == 0 for first in firsts)
