"""The main process of a Postgres server, found and judged by the lock file it leaves behind.

The file `postmaster.pid` outlives a server that was killed, and its process id may since belong to
somebody else, or to a process that is dead but not yet reaped. Postgres trusts the number alone
and then refuses to start, so what it names is examined here.
"""

# psutil ships no complete types: its calls are only partly known to the type checker.
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false, reportUnknownVariableType=false

import signal
import socket
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from hyper_registry.storage.postgres_port import HOST

ShutdownMode = Literal["smart", "fast", "immediate"]

_SIGNALS: dict[ShutdownMode, signal.Signals] = {
    "smart": signal.SIGTERM,
    "fast": signal.SIGINT,
    "immediate": signal.SIGQUIT,
}
_PROGRAMS = frozenset({"postgres", "postmaster"})
_POLL_S = 0.05
_TLS_REQUEST = struct.pack("!ii", 8, 80877103)  # length and code, as the protocol defines them


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A live server.

    Attributes
    ----------
    pid
        Its process id.
    port
        TCP port on 127.0.0.1; 0 while it has not said so yet.
    is_ready
        True once it accepts connections; false while it starts, recovers or stops.
    """

    pid: int
    port: int
    is_ready: bool

    def answers(self, timeout_s: float = 2.0) -> bool:
        """Whether it responds on its port, waiting at most `timeout_s` seconds.

        A server that was killed a moment ago still looks alive, and its port still accepts: only a
        reply shows that it serves. The request is Postgres's question whether TLS is offered,
        which needs no login and leaves no line in the log.
        """
        try:
            with socket.create_connection((HOST, self.port), timeout_s) as connection:
                connection.sendall(_TLS_REQUEST)
                return connection.recv(1) in {b"S", b"N"}
        except OSError:
            return False


def live_postmaster(data_directory: Path) -> Postmaster | None:
    """Find the server that runs on `data_directory`; None where there is none."""
    try:
        lines = (data_directory / "postmaster.pid").read_text().splitlines()
        pid = abs(int(lines[0]))  # a single-user server writes its id as a negative number
    except (FileNotFoundError, NotADirectoryError, IndexError, ValueError):
        return None
    if not is_server_process(pid, data_directory):
        return None
    return Postmaster(
        pid,
        port=int(lines[3]) if len(lines) > 3 and lines[3].isdigit() else 0,
        is_ready=len(lines) > 7 and lines[7].strip() == "ready",
    )


def is_server_process(pid: int, data_directory: Path) -> bool:
    """Whether `pid` is alive, not a zombie, and a Postgres server of this data directory."""
    try:
        arguments: list[str] = psutil.Process(pid).cmdline()
    except psutil.AccessDenied:
        return True  # it cannot be told apart: never risk a second server on the same data
    except psutil.Error:
        return False  # it is gone, or a zombie: that has no command line any more
    return (
        bool(arguments)
        and Path(arguments[0]).name in _PROGRAMS
        and str(data_directory) in arguments
    )


def remove_stale_locks(data_directory: Path, socket_directory: Path) -> None:
    """Remove what a killed server left behind and what would keep a new one from starting.

    Call it only under the start lock and after :func:`live_postmaster` gave None. Backends of the
    killed server that still run are not endangered: they hold its shared memory, and Postgres
    refuses to start until that is free.
    """
    (data_directory / "postmaster.pid").unlink(missing_ok=True)
    for left_behind in socket_directory.glob(".s.PGSQL.*"):
        left_behind.unlink(missing_ok=True)


def stop_postmaster(data_directory: Path, mode: ShutdownMode, timeout_s: float) -> bool:
    """Ask the server of `data_directory`, if one runs, to stop, and wait until it is gone.

    Parameters
    ----------
    data_directory
        Where the server keeps its data.
    mode
        `smart` waits for clients to leave, `fast` disconnects them, `immediate` leaves recovery to
        the next start.
    timeout_s
        How long to wait, in seconds.

    Returns
    -------
    bool
        False if the server still runs after `timeout_s`.

    Raises
    ------
    PermissionError
        If the server belongs to another user.
    """
    postmaster = live_postmaster(data_directory)
    if postmaster is None:
        return True
    deadline = time.monotonic() + timeout_s
    try:
        psutil.Process(postmaster.pid).send_signal(_SIGNALS[mode])
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied as error:
        raise PermissionError(
            1, f"server process {postmaster.pid} belongs to another user", str(data_directory)
        ) from error
    while is_server_process(postmaster.pid, data_directory):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True
