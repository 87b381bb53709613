"""Processes of an instance: recognised for certain, ended completely, and none besides.

A process is recognised by its pid *and* the time of its creation, because pids are re-used. What
belongs to an instance is the head process with all its descendants, and every process that carries
the instance's mark, which it keeps even when its parent is gone.
"""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

# The kernel keeps creation times relative to boot; setting the clock can shift them a little.
CREATION_TOLERANCE_S = 2.0
POLL_INTERVAL_S = 0.05
# Of workers and agents, and of the dashboard's parts.
RAY_TITLES = ("ray::", "ray-dashboard-")


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process as it can be recognised later.

    Parameters
    ----------
    pid
        Process id.
    created_s
        Time of creation, seconds since the epoch.
    """

    pid: int
    created_s: float

    @classmethod
    def of(cls, pid: int) -> "ProcessIdentity":
        """Read the identity of a running process.

        Raises
        ------
        psutil.NoSuchProcess
            If there is none of this pid.
        """
        return cls(pid, psutil.Process(pid).create_time())


@dataclass(frozen=True, slots=True)
class InstanceMark:
    """How a process of an instance is recognised without its parents.

    Parameters
    ----------
    variable, value
        Environment variable that the head hands to everything below it, and nobody else has.
    directory
        Where Ray's processes keep their logs open. Some of them write their title over their
        environment, so for processes with such a title this decides.
    """

    variable: str
    value: str
    directory: Path

    def is_on(self, process: psutil.Process) -> bool:
        """Tell whether a process carries the mark; those of other users do not."""
        try:
            if process.environ().get(self.variable) == self.value:
                return True
            return process.name().startswith(RAY_TITLES) and any(
                self.directory in Path(file.path).parents for file in process.open_files()
            )
        except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            return False


def find_process(identity: ProcessIdentity) -> psutil.Process | None:
    """Find the process of an identity; None when it ended, even if its pid lives on."""
    try:
        process = psutil.Process(identity.pid)
        if abs(process.create_time() - identity.created_s) > CREATION_TOLERANCE_S:
            return None
    except psutil.NoSuchProcess:
        return None
    return process if is_alive(process) else None


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process still runs; a zombie does not, and ours is reaped."""
    try:
        if process.status() != psutil.STATUS_ZOMBIE:
            return process.is_running()
        if process.ppid() == os.getpid():
            os.waitpid(process.pid, os.WNOHANG)
    except (psutil.NoSuchProcess, ChildProcessError):
        return False
    return False


def find_family(root: ProcessIdentity | None, mark: InstanceMark) -> list[psutil.Process]:
    """Find every process of an instance.

    Parameters
    ----------
    root
        The head process, when one is known.
    mark
        The instance's mark.

    Returns
    -------
    list of psutil.Process
        Without duplicates; this process and those above it are never among them.
    """
    found = {process.pid: process for process in psutil.process_iter() if mark.is_on(process)}
    head = find_process(root) if root is not None else None
    if head is not None:
        found[head.pid] = head
    for process in list(found.values()):
        for child in _descendants(process):
            found.setdefault(child.pid, child)
    own = psutil.Process()
    for above in (own, *own.parents()):
        found.pop(above.pid, None)
    return [process for process in found.values() if is_alive(process)]


def end_process(process: psutil.Process, timeout_s: float) -> bool:
    """Ask a process to end and wait; False when it still runs after ``timeout_s``."""
    try:
        process.terminate()
    except psutil.NoSuchProcess:
        return True
    return not wait_ended([process], timeout_s)


def end_all(processes: Iterable[psutil.Process], timeout_s: float) -> list[psutil.Process]:
    """Ask processes to end, then kill those that still run after ``timeout_s``.

    Returns
    -------
    list of psutil.Process
        Those that still run nevertheless.
    """
    remaining = [process for process in processes if is_alive(process)]
    for process in remaining:
        _signal(process, kill=False)
    remaining = wait_ended(remaining, timeout_s)
    for process in remaining:
        _signal(process, kill=True)
    return wait_ended(remaining, timeout_s)


def wait_ended(processes: Iterable[psutil.Process], timeout_s: float) -> list[psutil.Process]:
    """Wait until processes have ended; those that still run after ``timeout_s`` are returned."""
    deadline = time.monotonic() + timeout_s
    remaining = [process for process in processes if is_alive(process)]
    while remaining and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL_S)
        remaining = [process for process in remaining if is_alive(process)]
    return remaining


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        if kill:
            process.kill()
        else:
            process.terminate()
    except psutil.NoSuchProcess:
        return
