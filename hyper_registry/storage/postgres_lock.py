"""The lock under which a server's state is changed, held by one process or thread at a time."""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from hyper_registry.domain.errors.service import EmbeddedPostgresError

_POLL_S = 0.05


@contextmanager
def held_lock(directory: Path, timeout_s: float) -> Generator[int]:
    """Hold the lock of a state directory.

    The kernel releases it when the last holder of its descriptor ends, however it ends: nothing
    stale can remain. The descriptor can be handed to a child process that must be waited for even
    if its parent is killed.

    Parameters
    ----------
    directory
        Existing state directory.
    timeout_s
        How long to wait for another holder, in seconds.

    Yields
    ------
    int
        File descriptor of the lock.

    Raises
    ------
    EmbeddedPostgresError
        If another process holds it for longer.
    OSError
        If the lock file cannot be opened.
    """
    path = directory / "lock"
    deadline = time.monotonic() + timeout_s
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            _share_with_owner(descriptor, directory)
            _acquire(descriptor, path, deadline)
            # The directory may have been deleted meanwhile, and this lock file with it.
            if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _share_with_owner(descriptor: int, directory: Path) -> None:
    """Let the owner of the state directory use a lock file that root made."""
    owner = directory.stat()
    is_roots = os.fstat(descriptor).st_uid == 0
    if os.geteuid() == 0 and is_roots and owner.st_uid != 0:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _acquire(descriptor: int, path: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    "lock its directory",
                    f"another process holds {path}",
                    "Wait for that process, or end it, then try again.",
                ) from None
            time.sleep(_POLL_S)
        else:
            return
