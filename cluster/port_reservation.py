"""Blocks of ports, each reserved for one instance of this user as long as its head runs.

Looking whether a port is free says nothing about the moment at which a server takes it, seconds
later; two instances that start together would choose the same ports. So each instance holds the
lock of a block's file. The head inherits the descriptor, and the kernel drops the lock with the
head, however that ends.
"""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.ports import FIRST_PORT, PORT_COUNT
from hyper_registry.domain.errors.service import ClusterError

BLOCK_PORTS = 100


@dataclass(frozen=True, slots=True)
class PortBlock:
    """A reserved block.

    Attributes
    ----------
    first
        Its first port.
    descriptor
        Open file whose lock is the reservation; whoever inherits it keeps the block.
    """

    first: int
    descriptor: int


def block_of(port: int) -> int:
    """Return the first port of the block that holds `port`.

    >>> block_of(21_357)
    21300
    """
    return port // BLOCK_PORTS * BLOCK_PORTS


def preferred_block(home: Path) -> int:
    """Return the first port of the block at which the instance of `home` looks first."""
    digest = hashlib.sha256(os.fsencode(home)).digest()
    return FIRST_PORT + int.from_bytes(digest[:4]) % (PORT_COUNT // BLOCK_PORTS) * BLOCK_PORTS


def lock_directory() -> Path:
    """Return the folder of this user's block files."""
    return Path(tempfile.gettempdir()) / f"hyper-registry-ports-{os.geteuid()}"


@contextmanager
def reserved_block(first: int, directory: Path) -> Generator[PortBlock]:
    """Reserve the block at `first`, or the next one that no running instance holds.

    The reservation ends with the ``with`` block, unless a process inherited the descriptor.

    Raises
    ------
    ClusterError
        If every block is held, or `directory` cannot be used.
    """
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        starts = (
            FIRST_PORT + (first - FIRST_PORT + step) % PORT_COUNT
            for step in range(0, PORT_COUNT, BLOCK_PORTS)
        )
        locked = ((start, _try_lock(directory / str(start))) for start in starts)
        block = next((PortBlock(start, fd) for start, fd in locked if fd is not None), None)
    except OSError as error:
        raise ClusterError(
            "reserve ports", str(error), f"Make {directory} a folder that you can write."
        ) from error
    if block is None:
        raise ClusterError(
            "reserve ports",
            "running instances hold every block",
            "Stop one of them with 'hyper-registry down'.",
        )
    try:
        yield block
    finally:
        os.close(block.descriptor)


def _try_lock(path: Path) -> int | None:
    """Open and lock a file; None if another process or descriptor holds its lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
