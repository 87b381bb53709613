"""Embedded Postgres servers that exist for one test run only."""

import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import asyncpg
import psutil

from hyper_registry.domain.errors.service import EmbeddedPostgresError
from hyper_registry.storage.embedded import EmbeddedPostgres
from hyper_registry.storage.postgres_settings import EmbeddedPostgresOptions

_PREFIX = "hyper-registry-test-"


def disposable_directory() -> Path:
    """Create an empty directory under the system's temporary one, open to the server's account.

    Its name holds the id of this process, so that a later run can tell that it was left behind.
    """
    directory = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    directory.chmod(0o755)  # mkdtemp gives 0700, which the account that root drops to cannot enter
    return directory


def start_test_server() -> EmbeddedPostgres:
    """Start a new, empty server without fsync; end it with :func:`remove_test_server`.

    Servers of earlier runs that were killed before they could do so are removed first.
    """
    _remove_abandoned_servers()
    server = EmbeddedPostgres(disposable_directory(), EmbeddedPostgresOptions(fsync=False))
    try:
        server.start()
    except BaseException:
        remove_test_server(server)
        raise
    return server


def remove_test_server(server: EmbeddedPostgres) -> None:
    """Stop the server, without regard to its clients, and delete all that it wrote."""
    server.stop(mode="immediate")
    shutil.rmtree(server.server_directory, ignore_errors=True)
    shutil.rmtree(server.directory, ignore_errors=True)


@contextmanager
def disposable_server(
    options: EmbeddedPostgresOptions | None = None, *, name: str = "state"
) -> Generator[EmbeddedPostgres]:
    """Give a server that is not started yet and is removed at the end.

    Parameters
    ----------
    options
        How to run it; without fsync where it is None.
    name
        Name of its state directory.
    """
    parent = disposable_directory()
    server = EmbeddedPostgres(parent / name, options or EmbeddedPostgresOptions(fsync=False))
    try:
        yield server
    finally:
        remove_test_server(server)
        shutil.rmtree(parent)


async def administer(server: EmbeddedPostgres, statement: str) -> None:
    """Execute one statement outside of any test's database."""
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@asynccontextmanager
async def cloned_database(server: EmbeddedPostgres, template: str) -> AsyncGenerator[str]:
    """Give the address of a copy of `template` that is dropped at the end."""
    name = f"test_{uuid4().hex}"
    await administer(server, f"create database {name} template {template}")
    try:
        yield server.dsn(name)
    finally:
        await administer(server, f"drop database {name} with (force)")


def _remove_abandoned_servers() -> None:
    for directory in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        owner = directory.name.removeprefix(_PREFIX).split("-")[0]
        # Another run may be removing the same directory at this moment.
        with suppress(FileNotFoundError, EmbeddedPostgresError):
            is_mine = directory.stat().st_uid == os.geteuid()
            if is_mine and owner.isdigit() and not psutil.pid_exists(int(owner)):
                for state in (directory, *directory.glob("*/")):
                    if (state / "lock").exists():
                        remove_test_server(EmbeddedPostgres(state))
                shutil.rmtree(directory, ignore_errors=True)
