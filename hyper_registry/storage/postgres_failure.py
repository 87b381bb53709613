"""What a Postgres program said when it failed: the essential line and the remedy for it."""

import re
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from hyper_registry.domain.errors.service import EmbeddedPostgresError

ADDRESS_TAKEN = "Address already in use"
# Backends of a killed server are still leaving, or its lock file was just being removed.
PASSING = ("is still in use", "lock file")
_REMEDIES = (
    ("No space left on device", "Free disk space there, then start again."),
    ("wrote only", "Free disk space there, then start again."),  # the disk filled during a write
    ("Disk quota exceeded", "Raise the disk quota or free space, then start again."),
    ("File too large", "Raise the file size limit (ulimit -f), then start again."),
    ("Read-only file system", "Choose a state directory on a writable file system."),
    ("Permission denied", "Give the directory to the account that starts the registry."),
    ("Operation not permitted", "Give the directory to the account that starts the registry."),
    ("belongs to", "Give the directory to the account that starts the registry."),
    (ADDRESS_TAKEN, "Stop the program that uses the port, then start again."),
    ("Cannot allocate memory", "Lower postgres.shared_buffers_mb, or free memory."),
    ("could not create shared memory", "Lower postgres.shared_buffers_mb, or free memory."),
    ("is still in use", "Wait for the processes of the killed server to end, then start again."),
    ("did not start in time", "Start again to wait on; raise start_timeout_s if it recovers long."),
)
_SEVERE = re.compile(r"\b(?:PANIC|FATAL|ERROR|error): +(?P<reason>.+)")


def essential_reason(said: str) -> str:
    r"""Pick the line that names the cause from what a program printed or logged.

    Examples
    --------
    >>> essential_reason("LOG: starting\nFATAL:  could not write: No space left on device\nbye")
    'could not write: No space left on device'
    """
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    severe = [found["reason"] for line in lines if (found := _SEVERE.search(line))]
    for known, _ in _REMEDIES:
        for line in (*severe, *lines):
            if known in line:
                return line
    if severe:
        return severe[0]  # the others follow from it
    return lines[-1] if lines else "it gave no message"


def failure(step: str, said: str, *, log: Path | None = None) -> EmbeddedPostgresError:
    """Build the error for a failed `step` from what was said about it."""
    reason = essential_reason(said)
    where = f"See {log}." if log is not None else "Check the state directory and its permissions."
    remedy = next((remedy for known, remedy in _REMEDIES if known in reason), where)
    return EmbeddedPostgresError(step, reason, remedy)


@contextmanager
def translated_failures(step: str, directory: Path) -> Generator[None]:
    """Turn errors of the operating system into :class:`EmbeddedPostgresError`.

    Parameters
    ----------
    step
        What is being done, to follow "failed to".
    directory
        Named in the error where the operating system names no file.

    Raises
    ------
    EmbeddedPostgresError
        For an OSError, or a program that ran too long.
    """
    try:
        yield
    except subprocess.TimeoutExpired as error:
        program = Path(str(error.cmd[0])).name
        raise EmbeddedPostgresError(
            step,
            f"{program} did not end within {error.timeout:g} s",
            "Check the load of the machine and of its disks, then start again.",
        ) from error
    except OSError as error:
        reason = f"{error.strerror or error}: {error.filename or directory}"
        raise failure(step, reason) from error
