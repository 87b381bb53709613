"""Directories and files that appear whole or not at all, also after power loss.

Everything is written and flushed under a temporary name beside its target, then renamed. A killed
build leaves only names that start with a dot, which no reader looks at.
"""

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from index.errors import IndexBuildRefusedError

_BUILDING = ".building-"
_REPLACED = ".replaced-"
# Two builders of one target may displace each other's result; each then tries again.
_PUBLISH_ATTEMPTS = 5


@contextmanager
def staged_directory(target: Path) -> Iterator[Path]:
    """Offer a new directory to fill, and give it the target's name when the block ends well.

    A directory that already has the name is displaced and then removed; readers that have its
    files mapped keep them. Between displacing and renaming there is, for microseconds, no target:
    readers find either a whole directory or none.

    Parameters
    ----------
    target
        Directory to create; its parent is created as well.

    Yields
    ------
    pathlib.Path
        The empty directory to fill.

    Raises
    ------
    OSError
        The disk is full or not writable; nothing is left behind.
    IndexBuildRefusedError
        Other builders replaced the target over and over.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = target.with_name(f".{target.name}{_BUILDING}{secrets.token_hex(6)}")
    staging.mkdir()
    try:
        yield staging
        for path in staging.iterdir():
            flush(path)
        flush(staging)
        _publish(staging, target)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def write_whole(path: Path, text: str) -> None:
    """Write a file so that readers see the old text or the new one, never a part.

    Raises
    ------
    OSError
        The disk is full or not writable; the old file stands.
    """
    staging = path.with_name(f".{path.name}{_BUILDING}{secrets.token_hex(6)}")
    try:
        staging.write_text(text, encoding="utf-8")
        flush(staging)
        staging.replace(path)
    except BaseException:
        staging.unlink(missing_ok=True)
        raise
    flush(path.parent)


def remove_abandoned(directory: Path) -> None:
    """Remove what killed builds left in a directory. No build may be running there."""
    for path in directory.glob(".*"):
        if _BUILDING in path.name or _REPLACED in path.name:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def flush(path: Path) -> None:
    """Force a file's or directory's content to disk.

    Raises
    ------
    OSError
        The device reports a failure.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """Checksum of a file in lower-case hexadecimal, about a second per GB.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _publish(staging: Path, target: Path) -> None:
    for _ in range(_PUBLISH_ATTEMPTS):
        try:
            staging.rename(target)
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise
        else:
            flush(target.parent)
            return
        displaced = target.with_name(f".{target.name}{_REPLACED}{secrets.token_hex(6)}")
        try:
            target.rename(displaced)
        except FileNotFoundError:
            # Another builder has just displaced it.
            continue
        shutil.rmtree(displaced)
    raise IndexBuildRefusedError(str(target), "other builders keep replacing it: run one at a time")
