"""Environment variables of the instance's processes: Ray's token, HAProxy's files and ports.

Ray reads these when its modules are imported, so a process must have them from its start. The
head process hands its environment to everything below it: HAProxy, the Serve controller, replicas
and jobs.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from cluster.instance import InstancePaths, InstanceRecord, read_record
from cluster.ports import REPLICA_PORTS
from cluster.processes import InstanceMark
from hyper_registry.domain.errors.service import ClusterError

# Seconds that Ray waits for its node to come to rest before it ends its processes. Serve has
# drained by then; only jobs may still run.
NODE_DRAIN_S = 5
# Seconds that a replica goes on answering after it was taken from HAProxy's list. Serve's 30 allow
# for load balancers elsewhere; HAProxy on the same machine knows within one.
LEAST_DRAIN_S = 3
# HAProxy gains nothing from more threads than the machine has cores.
MOST_HAPROXY_THREADS = 4

# Would lead the instance's processes to another cluster, or override its token.
FOREIGN_VARIABLES = frozenset(
    {"RAY_ADDRESS", "RAY_API_SERVER_ADDRESS", "RAY_AUTH_TOKEN", "RAY_REDIS_ADDRESS"}
)


def instance_mark(paths: InstancePaths) -> InstanceMark:
    """Give the mark that tells this instance's processes from all others."""
    directory = paths.runtime_directory
    return InstanceMark("RAY_SERVE_HAPROXY_SOCKET_PATH", str(directory / "a"), directory)


def ray_environment(paths: InstancePaths) -> dict[str, str]:
    """Give what another process needs to reach a running instance.

    The process must not have ``RAY_AUTH_TOKEN`` set: Ray prefers it to the token's path.

    Returns
    -------
    dict
        Token authentication, the address for ``ray.init`` and the one for the Jobs API.

    Raises
    ------
    ClusterError
        If the instance has never been started.
    """
    record = read_record(paths)
    if record is None:
        raise ClusterError(
            "reach the instance",
            f"nothing was started in {paths.home}",
            "Start it with 'hyper-registry up'.",
        )
    return {
        **authentication_environment(paths),
        "RAY_ADDRESS": record.ray_address,
        "RAY_API_SERVER_ADDRESS": record.dashboard_url,
    }


def authentication_environment(paths: InstancePaths) -> dict[str, str]:
    """Give the variables with which Ray presents and demands the instance's token."""
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(paths.token_file)}


def head_environment(
    paths: InstancePaths,
    record: InstanceRecord,
    *,
    max_connections: int,
    import_roots: tuple[str, ...],
    inherited: Mapping[str, str],
) -> dict[str, str]:
    """Give the whole environment of the head process.

    Parameters
    ----------
    paths, record
        The instance, with the ports it is about to use.
    max_connections
        HAProxy's ``maxconn``.
    import_roots
        Directories from which replicas and jobs import, ahead of an inherited ``PYTHONPATH``.
    inherited
        Environment of the starting process.
    """
    kept = {name: value for name, value in inherited.items() if name not in FOREIGN_VARIABLES}
    roots = [*import_roots, *filter(None, [kept.get("PYTHONPATH")])]
    runtime, ports = paths.runtime_directory, record.ports
    mark = instance_mark(paths)
    return {
        **kept,
        **authentication_environment(paths),
        "PYTHONPATH": os.pathsep.join(roots),
        # So that a job's "python -m …" is this interpreter.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)]),
        "RAY_USAGE_STATS_ENABLED": "0",
        # Ray gives its workers a lower priority, which makes replicas wait behind everything else.
        "RAY_worker_niceness": "0",
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": str(NODE_DRAIN_S),
        "DASHBOARD_METRIC_PORT": str(ports.dashboard_metrics),
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_HAPROXY_MAXCONN": str(max_connections),
        "RAY_SERVE_HAPROXY_NBTHREAD": str(min(MOST_HAPROXY_THREADS, os.cpu_count() or 1)),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(ports.haproxy_metrics),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(ports.haproxy_stats),
        # Serve puts a directory of 56 letters before each name: keep the names short.
        mark.variable: mark.value,
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(runtime / "m"),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(runtime / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(runtime),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(runtime / "server-state"),
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(ports.serve_fallback),
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": str(LEAST_DRAIN_S),
        # An own range, so that no other instance's HAProxy ever finds our replica at a port
        # where it expects its own.
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(ports.replica_first),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(ports.replica_first + REPLICA_PORTS - 1),
    }
