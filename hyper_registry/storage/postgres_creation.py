"""Creating the data of a new server, whole or not at all."""

import os
import secrets
import shutil
from pathlib import Path

from hyper_registry.storage.postgres_binaries import PostgresBinaries
from hyper_registry.storage.postgres_failure import failure
from hyper_registry.storage.postgres_placement import ServerPlacement

DATABASE = "registry"
USER = "registry"
SETTINGS_FILE = "registry.conf"
_BUILTIN_LOCALE_MAJOR = 17
_TIMEOUT_S = 120.0


def create_data(
    placement: ServerPlacement, binaries: PostgresBinaries, *, lock: int, fsync: bool
) -> None:
    """Create the data directory, the user with a random password, and the database `registry`.

    Everything is made under a temporary name and renamed at the end. The programs inherit the
    lock: if this process is killed, the next start waits until they ended before it removes what
    they wrote and does it again.

    Parameters
    ----------
    placement
        Where to create it; its directory exists.
    binaries
        Programs that the placement's account can execute.
    lock
        File descriptor of the start lock, which the caller holds.
    fsync
        Whether to wait until the data is on disk.

    Raises
    ------
    EmbeddedPostgresError
        If one of Postgres's programs fails.
    OSError
        If a file cannot be written.
    subprocess.TimeoutExpired
        If a program takes longer than two minutes.
    """
    fresh = placement.data_directory.with_name("data.new")
    password = placement.directory / "password"
    if fresh.exists():
        shutil.rmtree(fresh)
    placement.account.write_file(password, secrets.token_urlsafe(24), sync=fsync)
    try:
        for command, text in (
            (_initdb(binaries, fresh, password, fsync=fsync), ""),
            (_single_user_server(binaries, fresh, fsync=fsync), f"CREATE DATABASE {DATABASE}\n"),
        ):
            result = placement.account.run(
                command,
                directory=placement.directory,
                timeout_s=_TIMEOUT_S,
                text=text,
                keep_open=(lock,),
            )
            if result.status != 0:
                raise failure("create its data", result.output)
        main = fresh / "postgresql.conf"
        settings = f"{main.read_text()}\ninclude '{SETTINGS_FILE}'\n"
        placement.account.write_file(main, settings, sync=fsync)
        fresh.rename(placement.data_directory)
    finally:
        if fresh.exists():
            shutil.rmtree(fresh, ignore_errors=True)  # what failed is being raised already
    if fsync:
        _sync_directory(placement.directory)


def _initdb(binaries: PostgresBinaries, data: Path, password: Path, *, fsync: bool) -> list[str]:
    # Versions before 17 know this locale from the C library only.
    is_builtin = binaries.major >= _BUILTIN_LOCALE_MAJOR
    return [
        binaries.program("initdb"),
        f"--pgdata={data}",
        f"--username={USER}",
        f"--pwfile={password}",
        "--auth=scram-sha-256",
        "--data-checksums",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        *(["--locale-provider=builtin"] if is_builtin else []),
        *([] if fsync else ["--no-sync"]),
    ]


def _single_user_server(binaries: PostgresBinaries, data: Path, *, fsync: bool) -> list[str]:
    """Give a server that reads SQL from standard input and listens nowhere."""
    return [
        *(binaries.program("postgres"), "--single", "-D", str(data)),
        *("-c", "exit_on_error=on", "-c", f"fsync={'on' if fsync else 'off'}"),
        "postgres",
    ]


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
