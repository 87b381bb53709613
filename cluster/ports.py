"""The TCP ports of a local instance: chosen once, re-used while they are free.

Ports are taken from 20,000 to 29,999: below the kernel's ephemeral ports, which any client on the
machine may occupy in passing, and away from Ray's own defaults, which another Ray may use. Each
instance begins in a block that it has reserved (see `cluster.port_reservation`).
"""

import errno
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

from hyper_registry.domain.errors.service import ClusterError

FIRST_PORT = 20_000
PORT_COUNT = 10_000
# Replicas of one instance that can listen at the same time on this machine.
REPLICA_PORTS = 64

IsFree = Callable[[str, int], bool]


@dataclass(frozen=True, slots=True)
class InstancePorts:
    """Ports of one instance.

    Parameters
    ----------
    http
        The API, served by HAProxy.
    gcs
        Ray's global control store, the address of ``ray.init``.
    dashboard
        Ray's dashboard, Jobs API and Serve REST API.
    dashboard_agent
        HTTP port of Ray's per-node agent.
    ray_client
        Ray Client server, which ``ray start`` cannot leave out.
    haproxy_metrics, haproxy_stats
        HAProxy's Prometheus and statistics pages.
    dashboard_metrics
        Prometheus page of the dashboard process.
    serve_fallback
        Serve's own proxy, to which HAProxy turns while no replica is known.
    replica_first
        First of `REPLICA_PORTS` ports on which the replicas' HTTP servers listen.
    """

    http: int
    gcs: int
    dashboard: int
    dashboard_agent: int
    ray_client: int
    haproxy_metrics: int
    haproxy_stats: int
    dashboard_metrics: int
    serve_fallback: int
    replica_first: int


def is_free(host: str, port: int) -> bool:
    """Tell whether a server could listen on ``host:port`` now.

    A server that listens on all interfaces occupies the port on each of them, so asking for one
    interface finds it too.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: connections that are still closing do not occupy the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
    return True


def choose_ports(
    first: int,
    *,
    http_host: str,
    http_port: int | None,
    previous: InstancePorts | None,
    free: IsFree = is_free,
) -> InstancePorts:
    """Choose the ports of an instance that is about to start.

    Parameters
    ----------
    first
        Where the search starts: the first port of the instance's block.
    http_host
        Interface of the API.
    http_port
        Port that the API must have, or None for any.
    previous
        Ports of the last start. Each is kept while it is free.
    free
        Tells whether a host and port are free.

    Raises
    ------
    ClusterError
        If ``http_port`` is taken, ``http_host`` is no address of this machine, or no port is free.
    """
    try:
        if http_port is not None and not free(http_host, http_port):
            raise ClusterError(
                "start the API",
                f"port {http_port} of {http_host} is taken",
                "Stop the other program, or choose another port for the API.",
            )
        if http_port is None and previous is not None and free(http_host, previous.http):
            http_port = previous.http
    except OSError as error:
        raise ClusterError(
            "start the API",
            f"cannot listen on {http_host}: {error}",
            "Choose an address of this machine, such as 127.0.0.1.",
        ) from error

    candidates = _candidates(first)
    taken = {http_port} if http_port is not None else set[int]()

    def next_free() -> int:
        for port in candidates:
            if port not in taken and free("127.0.0.1", port):
                taken.add(port)
                return port
        raise ClusterError(
            "choose ports",
            f"none of {FIRST_PORT} to {FIRST_PORT + PORT_COUNT - 1} is free",
            "Stop programs that listen in this range.",
        )

    def next_block() -> int:
        first = next_free()
        length = 1
        while length < REPLICA_PORTS:
            port = next_free()
            first, length = (first, length + 1) if port == first + length else (port, 1)
        return first

    def kept(name: str) -> int | None:
        port = None if previous is None else int(getattr(previous, name))
        if port is None or port in taken or not free("127.0.0.1", port):
            return None
        taken.add(port)
        return port

    def kept_block() -> int | None:
        if previous is None:
            return None
        ports = range(previous.replica_first, previous.replica_first + REPLICA_PORTS)
        if taken.intersection(ports) or not all(free("127.0.0.1", port) for port in ports):
            return None
        taken.update(ports)
        return previous.replica_first

    # Kept ports first, so that a new choice never takes one of them.
    single = [field.name for field in fields(InstancePorts) if field.name != "replica_first"]
    chosen = {name: http_port if name == "http" else kept(name) for name in single}
    block = kept_block()
    numbers = {name: port if port is not None else next_free() for name, port in chosen.items()}
    return InstancePorts(**numbers, replica_first=block if block is not None else next_block())


def _candidates(first: int) -> Iterator[int]:
    start = first - FIRST_PORT
    return (FIRST_PORT + (start + step) % PORT_COUNT for step in range(PORT_COUNT))
