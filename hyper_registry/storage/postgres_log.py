"""The server's log file: what it says since a moment, and a bound on its size."""

import os
from pathlib import Path

from hyper_registry.storage.postgres_account import ServerAccount

_LIMIT_BYTES = 16 << 20
_KEPT_BYTES = 1 << 20


def log_size_bytes(log: Path) -> int:
    """Size of the log; 0 where it does not exist yet."""
    return log.stat().st_size if log.exists() else 0


def logged_since(log: Path, offset_bytes: int) -> str:
    """Text that was appended to the log after it had `offset_bytes`."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(offset_bytes)
        return file.read().decode(errors="replace")


def trim_log(
    log: Path,
    account: ServerAccount,
    *,
    limit_bytes: int = _LIMIT_BYTES,
    kept_bytes: int = _KEPT_BYTES,
) -> None:
    """Empty a log that has outgrown `limit_bytes`, keeping its end beside it as `NAME.1`.

    The server may go on meanwhile: it appends, so it writes on at the new end.

    Raises
    ------
    OSError
        If the log cannot be read or its end cannot be written.
    """
    size_bytes = log_size_bytes(log)
    if size_bytes <= limit_bytes:
        return
    account.write_file(
        log.with_name(f"{log.name}.1"), logged_since(log, max(0, size_bytes - kept_bytes))
    )
    os.truncate(log, 0)
