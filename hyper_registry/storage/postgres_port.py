"""TCP ports of this machine: the server listens on loopback only, where a port is free."""

import socket
import time

HOST = "127.0.0.1"
_GRACE_S = 1.0
_POLL_S = 0.05


def becomes_free(port: int) -> bool:
    """Whether the port is free at once or soon: a dying server keeps its socket for a moment."""
    deadline = time.monotonic() + _GRACE_S
    while not _is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((HOST, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """Give a port that nothing uses now; something else may take it before the server does."""
    with socket.socket() as candidate:
        candidate.bind((HOST, 0))
        return int(candidate.getsockname()[1])
