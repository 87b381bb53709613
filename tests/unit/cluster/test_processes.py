import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from cluster.processes import (
    InstanceMark,
    ProcessIdentity,
    end_all,
    end_process,
    find_family,
    find_process,
    is_alive,
    wait_ended,
)

# A parent that ignores SIGTERM, with a child; both say when they are ready.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""
MARK = InstanceMark("HYPER_REGISTRY_TEST_MARK", str(os.getpid()), Path("/no/such/directory"))


@pytest.fixture
def stubborn() -> Iterator[tuple[subprocess.Popen[str], int]]:
    environment = {**os.environ, MARK.variable: MARK.value}
    with subprocess.Popen(
        [sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        child_pid = int(parent.stdout.readline())
        yield parent, child_pid
        for process in (parent.pid, child_pid):
            if psutil.pid_exists(process):
                psutil.Process(process).kill()


def test_a_process_is_found_by_pid_and_creation_time() -> None:
    own = ProcessIdentity.of(os.getpid())
    assert find_process(own) == psutil.Process()
    assert find_process(ProcessIdentity(own.pid, own.created_s - 10)) is None
    assert find_process(ProcessIdentity(2**22 + 1, own.created_s)) is None


def test_the_family_is_the_root_with_its_descendants(
    stubborn: tuple[subprocess.Popen[str], int],
) -> None:
    parent, child_pid = stubborn
    family = find_family(ProcessIdentity.of(parent.pid), replace(MARK, variable="NO_SUCH_VARIABLE"))
    assert {process.pid for process in family} == {parent.pid, child_pid}


def test_marked_processes_are_found_without_their_root(
    stubborn: tuple[subprocess.Popen[str], int],
) -> None:
    parent, child_pid = stubborn
    assert {process.pid for process in find_family(None, MARK)} == {parent.pid, child_pid}
    parent.kill()
    parent.wait()
    gone = ProcessIdentity(parent.pid, 1.0)
    assert [process.pid for process in find_family(gone, MARK)] == [child_pid]
    assert find_family(None, replace(MARK, value="another instance")) == []


def test_ray_titled_processes_are_found_by_their_open_logs(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    sleeper = tmp_path / "ray::Agent"
    sleeper.symlink_to("/bin/sleep")
    with (tmp_path / "ours" / "agent.out").open("w") as log:
        titled = subprocess.Popen([sleeper, "60"], stdout=log)
        other = subprocess.Popen(["/bin/sleep", "60"], stdout=log)
    with titled, other:
        family = find_family(None, replace(MARK, directory=tmp_path / "ours"))
        elsewhere = find_family(None, replace(MARK, directory=tmp_path / "ou"))
        titled.kill()
        other.kill()
    assert [process.pid for process in family] == [titled.pid]
    assert elsewhere == []


def test_this_process_is_never_part_of_a_family() -> None:
    variable, value = next(iter(psutil.Process().environ().items()))
    mark = replace(MARK, variable=variable, value=value)
    family = {process.pid for process in find_family(ProcessIdentity.of(os.getpid()), mark)}
    assert not family & {os.getpid(), os.getppid()}


def test_a_process_that_refuses_is_killed(stubborn: tuple[subprocess.Popen[str], int]) -> None:
    parent, child_pid = stubborn
    both = [psutil.Process(parent.pid), psutil.Process(child_pid)]
    assert end_process(both[0], timeout_s=0.2) is False
    assert is_alive(both[0])
    assert end_all(both, timeout_s=2.0) == []
    assert not any(is_alive(process) for process in both)
    assert end_process(both[0], timeout_s=0.2) is True


def test_waiting_gives_back_what_still_runs(stubborn: tuple[subprocess.Popen[str], int]) -> None:
    child = psutil.Process(stubborn[1])
    assert wait_ended([child], timeout_s=0.1) == [child]
