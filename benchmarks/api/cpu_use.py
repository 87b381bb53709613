"""CPU time by part of the system: unlike latency it tells which part an operation keeps busy.

It also hardly changes when other work shares the machine.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from cluster.instance import InstancePaths, read_record
from cluster.processes import find_family
from cluster.ray_environment import instance_mark
from hyper_registry.storage.embedded import EmbeddedPostgres

POSTGRES, REPLICA, HAPROXY, RAY = "postgres", "replica", "haproxy", "ray"
PARTS: tuple[str, ...] = (REPLICA, HAPROXY, POSTGRES, RAY)


@dataclass(frozen=True, slots=True)
class SystemProcesses:
    """The processes of an instance and its embedded Postgres.

    Parameters
    ----------
    postgres_home, instance_home
        State directories of the two.
    """

    postgres_home: Path
    instance_home: Path

    def cpu_seconds(self) -> dict[tuple[str, int], float]:
        """Read the CPU time that each process has used so far, by its part and id."""
        paths = InstancePaths.of(self.instance_home)
        record = read_record(paths)
        head = None if record is None else record.head
        seconds = _read(find_family(head, instance_mark(paths)), _part_of)
        postmaster = EmbeddedPostgres(self.postgres_home).pid
        if postmaster is not None:
            seconds |= _read(psutil.Process(postmaster).children(), lambda _: POSTGRES)
        return seconds


def used_between(
    before: Mapping[tuple[str, int], float], after: Mapping[tuple[str, int], float]
) -> dict[str, float]:
    """Sum up by part the CPU seconds used between two readings.

    A process that was born in between counts in full, one that ended not at all.
    """
    used: dict[str, float] = dict.fromkeys(PARTS, 0.0)
    for (part, pid), seconds in after.items():
        used[part] += seconds - before.get((part, pid), 0.0)
    return used


def process_cpu_s(pid: int) -> float:
    """Read the CPU time that one process has used so far.

    Raises
    ------
    psutil.NoSuchProcess
        If it has ended.
    """
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def _read(
    processes: Iterable[psutil.Process], part_of: Callable[[list[str]], str]
) -> dict[tuple[str, int], float]:
    seconds: dict[tuple[str, int], float] = {}
    for process in processes:
        with suppress(psutil.NoSuchProcess), process.oneshot():
            times = process.cpu_times()
            seconds[part_of(process.cmdline()), process.pid] = times.user + times.system
    return seconds


def _part_of(command: list[str]) -> str:
    program = command[0] if command else ""
    if Path(program).name == "haproxy":
        return HAPROXY
    return REPLICA if program.startswith("ray::ServeReplica") else RAY
