"""The Ray head process of a local instance: started apart from the caller, joined, ended.

Ray is started by ``ray start --head --block`` in a session of its own, so it survives the process
that started it. It is never ended by ``ray stop``, which ends every Ray of the machine.

State in Ray's global control store is lost when the head ends: a local instance deploys again on
its next start. A cluster can keep it in Redis or RocksDB, see ``ray-cluster.yaml``.
"""

import contextlib
import os
import re
import shutil
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from cluster.dashboard import Dashboard
from cluster.instance import InstancePaths, InstanceRecord
from cluster.processes import (
    ProcessIdentity,
    end_all,
    end_process,
    find_family,
    find_process,
)
from cluster.ray_environment import NODE_DRAIN_S, instance_mark
from hyper_registry.domain.errors.service import ClusterError

# A second loopback address: Ray replaces 127.0.0.1 by an outward address and would then listen
# on it with more of its servers, and break when a laptop changes its network.
PREFERRED_NODE_IP = "127.0.0.2"
POLL_INTERVAL_S = 0.1
# After its drain Ray's own handler still ends its children one by one.
HEAD_END_TIMEOUT_S = NODE_DRAIN_S + 15.0
REST_END_TIMEOUT_S = 5.0
FEWEST_OBJECT_STORE_BYTES = 80 * 2**20
NODE_DIRECTORY = re.compile(r"[0-9a-f]{56}")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class RayResources:
    """What Ray may use of this machine.

    Parameters
    ----------
    num_cpus
        Logical CPUs, or None for as many as the machine has.
    num_gpus
        GPUs, or None for those that Ray finds.
    object_store_bytes
        Size of the shared-memory object store. Where ``/dev/shm`` is smaller, Ray keeps the
        store in files instead and says so in its log.
    """

    num_cpus: int | None = None
    num_gpus: int | None = None
    object_store_bytes: int = 512 * 2**20


def choose_node_ip() -> str:
    """Choose the address of the instance's node: a loopback address where the system has it."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((PREFERRED_NODE_IP, 0))
        except OSError:
            return "127.0.0.1"
    return PREFERRED_NODE_IP


def head_command(
    paths: InstancePaths, record: InstanceRecord, resources: RayResources
) -> list[str]:
    """Give the command line of the head process.

    Raises
    ------
    ClusterError
        If the object store is smaller than Ray accepts, or fewer than one CPU is offered.
    """
    if resources.object_store_bytes < FEWEST_OBJECT_STORE_BYTES:
        raise ClusterError(
            "start Ray",
            f"an object store of {resources.object_store_bytes} bytes is too small",
            f"Give it at least {FEWEST_OBJECT_STORE_BYTES} bytes.",
        )
    num_cpus = resources.num_cpus if resources.num_cpus is not None else os.cpu_count() or 1
    if num_cpus < 1:
        raise ClusterError("start Ray", f"{num_cpus} CPUs are too few", "Offer at least one.")
    ports = record.ports
    command = [
        *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"),
        f"--node-ip-address={record.node_ip}",
        f"--port={ports.gcs}",
        f"--ray-client-server-port={ports.ray_client}",
        "--include-dashboard=true",
        "--dashboard-host=127.0.0.1",
        f"--dashboard-port={ports.dashboard}",
        f"--dashboard-agent-listen-port={ports.dashboard_agent}",
        # Any free ports: Ray's default range would be shared with every other Ray here.
        "--min-worker-port=0",
        "--max-worker-port=0",
        f"--num-cpus={num_cpus}",
        f"--object-store-memory={resources.object_store_bytes}",
        f"--temp-dir={paths.runtime_directory}",
        "--disable-usage-stats",
        # One machine never scales out: no autoscaler, and so none of its ports.
        "--no-monitor",
    ]
    if resources.num_gpus is not None:
        command.append(f"--num-gpus={resources.num_gpus}")
    return command


def launch_detached(
    command: list[str], environment: dict[str, str], log: Path, *, held: int | None = None
) -> ProcessIdentity:
    """Start a process in a session of its own, with its output in ``log``, and let it go.

    Parameters
    ----------
    held
        Descriptor that the process is to keep open, with the locks on it; None for none.

    Raises
    ------
    ClusterError
        If the program or the log cannot be opened.
    """
    to_log = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    try:
        pid = os.posix_spawn(
            command[0],
            command,
            environment,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(log), to_log, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
                *([] if held is None else [(os.POSIX_SPAWN_DUP2, held, 3)]),
            ],
            setsid=True,
        )
    except OSError as error:
        raise ClusterError(
            "start Ray", f"{command[0]}: {error}", "Install the project's requirements."
        ) from error
    return ProcessIdentity.of(pid)


def discard_old_sessions(directory: Path) -> None:
    """Remove what earlier sessions left, but for the newest one's logs, which may be asked for.

    Parameters
    ----------
    directory
        Runtime directory of an instance of which no process is left.
    """
    sessions = sorted(directory.glob("session_2*"))  # the name begins with the time
    of_haproxy = [path for path in directory.iterdir() if NODE_DIRECTORY.fullmatch(path.name)]
    for path in [*sessions[:-1], *of_haproxy]:
        shutil.rmtree(path, ignore_errors=True)


def wait_until_ready(
    head: ProcessIdentity, dashboard: Dashboard, log: Path, timeout_s: float
) -> None:
    """Wait until the head's control store, node and dashboard answer.

    Raises
    ------
    ClusterError
        If the head ends meanwhile or does not answer in time, with the last line of its log.
    """
    deadline = time.monotonic() + timeout_s
    while not dashboard.answers():
        if find_process(head) is None:
            raise ClusterError(
                "start Ray", f"it ended at once: {last_line(log)}", f"See {log} for all of it."
            )
        if time.monotonic() > deadline:
            raise ClusterError(
                "start Ray",
                f"it does not answer after {timeout_s:g} s: {last_line(log)}",
                f"See {log}; on a slow machine allow more time.",
            )
        time.sleep(POLL_INTERVAL_S)


def end_head(paths: InstancePaths, head: ProcessIdentity | None) -> int:
    """End the head process and everything that belongs to its instance.

    The head is asked to end and ends its own children. Whatever is left of the processes that
    were found before is asked too, then killed.

    Returns
    -------
    int
        How many processes the instance had.

    Raises
    ------
    ClusterError
        If a process cannot be ended.
    """
    mark = instance_mark(paths)
    family = find_family(head, mark)
    process = find_process(head) if head is not None else None
    if process is not None:
        end_process(process, HEAD_END_TIMEOUT_S)
    end_all(family, REST_END_TIMEOUT_S)
    # Once more: processes may have been born while the others ended.
    left = end_all(find_family(head, mark), REST_END_TIMEOUT_S)
    if left:
        pids = ", ".join(str(process.pid) for process in left)
        raise ClusterError("stop the instance", f"processes {pids} do not end", "End them by hand.")
    return len(family)


def last_line(log: Path) -> str:
    """Give the last line of a log that says something, without colours."""
    lines: list[str] = []
    with contextlib.suppress(FileNotFoundError):
        lines = COLOUR.sub("", log.read_text(errors="replace")).splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "its log is empty")
