"""How many connections HAProxy may accept under the limit on open files.

HAProxy refuses to start unless it may open about 2.5 files for each connection of ``maxconn``: one
socket to the client, one to the replica, and pipes for a quarter of them. Checking first turns an
obscure failure of a background process into one clear line.
"""

import math
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hyper_registry.domain.errors.service import ClusterError

FILES_PER_CONNECTION = 2.5
# Listeners, health checks, the admin socket and the event queues of each thread.
RESERVED_FILES = 256
# Below this a machine cannot serve the promised concurrency in any useful way.
FEWEST_CONNECTIONS = 128


@dataclass(frozen=True, slots=True)
class FileLimitPlan:
    """What to set before HAProxy starts.

    Parameters
    ----------
    max_connections
        Connections that HAProxy accepts at a time; more wait in the kernel's queue.
    soft_limit
        Soft limit on open files to start with, at least the present one.
    """

    max_connections: int
    soft_limit: int


def plan_file_limit(wanted_connections: int, soft_limit: int, hard_limit: int) -> FileLimitPlan:
    """Fit HAProxy's connections and the limit on open files to each other.

    Parameters
    ----------
    wanted_connections
        Connections asked for.
    soft_limit, hard_limit
        Present limits on open files; ``resource.RLIM_INFINITY`` is none.

    Returns
    -------
    FileLimitPlan
        The wanted number where the hard limit allows it, with the soft limit raised as far as
        needed; otherwise as many connections as the hard limit allows.

    Raises
    ------
    ClusterError
        If fewer than `FEWEST_CONNECTIONS` were asked for or are possible.

    Examples
    --------
    >>> plan_file_limit(4096, 1024, 1_048_576)
    FileLimitPlan(max_connections=4096, soft_limit=10496)
    >>> plan_file_limit(4096, 1024, 4096)
    FileLimitPlan(max_connections=1536, soft_limit=4096)
    """
    if wanted_connections < FEWEST_CONNECTIONS:
        raise ClusterError(
            "plan HAProxy's connections",
            f"{wanted_connections} connections are too few",
            f"Set at least {FEWEST_CONNECTIONS}.",
        )
    unlimited = resource.RLIM_INFINITY
    needed = files_needed(wanted_connections)
    if soft_limit == unlimited or needed <= soft_limit:
        return FileLimitPlan(wanted_connections, soft_limit)
    if hard_limit == unlimited or needed <= hard_limit:
        return FileLimitPlan(wanted_connections, needed)
    possible = int((hard_limit - RESERVED_FILES) / FILES_PER_CONNECTION)
    if possible < FEWEST_CONNECTIONS:
        raise ClusterError(
            "start HAProxy",
            f"the limit of {hard_limit} open files allows only {max(possible, 0)} connections",
            f"Raise it to {files_needed(FEWEST_CONNECTIONS)} or more, for all connections to "
            f"{needed}: 'ulimit -Hn', LimitNOFILE of systemd, or '--ulimit nofile' of Docker.",
        )
    return FileLimitPlan(possible, hard_limit)


def files_needed(connections: int) -> int:
    """Count the files that HAProxy must be allowed to open for so many connections."""
    return math.ceil(connections * FILES_PER_CONNECTION) + RESERVED_FILES


@contextmanager
def soft_file_limit(soft_limit: int) -> Iterator[None]:
    """Run a block with another soft limit on open files, which processes started in it inherit.

    Raises
    ------
    ValueError
        If ``soft_limit`` is above the hard limit.
    """
    before, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft_limit, hard_limit))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard_limit))
