"""What is left of the embedded Postgres, and what it says, after something went wrong."""

import os
import pickle
import signal
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import psutil
import pytest

from hyper_registry.domain.errors.service import EmbeddedPostgresError
from hyper_registry.storage.embedded import EmbeddedPostgres
from hyper_registry.storage.postgres_account import account_for
from hyper_registry.storage.postgres_failure import failure
from hyper_registry.storage.postgres_lock import held_lock
from hyper_registry.storage.postgres_log import trim_log
from hyper_registry.storage.postgres_settings import EmbeddedPostgresOptions
from tests.support.postgres_server import disposable_server
from tests.support.python_process import python_process

START_AND_WAIT = """
import sys
from pathlib import Path
from hyper_registry.storage.embedded import EmbeddedPostgres
from hyper_registry.storage.postgres_settings import EmbeddedPostgresOptions
server = EmbeddedPostgres(Path(sys.argv[1]), EmbeddedPostgresOptions(fsync=False))
print(server.start(), flush=True)
sys.stdin.read()
"""
# As a "child subreaper" it becomes the parent of the postmaster, and never waits for it.
NEVER_REAP = "import ctypes\nassert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0\n"
# A segment of the write-ahead log has 16 MiB, so its creation fails half-way.
START_WITH_SMALL_FILES = """
import resource, sys
from pathlib import Path
from hyper_registry.domain.errors.service import EmbeddedPostgresError
from hyper_registry.storage.embedded import EmbeddedPostgres
resource.setrlimit(resource.RLIMIT_FSIZE, (15 << 20, 15 << 20))
try:
    EmbeddedPostgres(Path(sys.argv[1])).start()
except EmbeddedPostgresError as error:
    print(error, error.remedy, sep="|")
"""


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come about"
        time.sleep(0.005)


async def write_answer(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    finally:
        await connection.close()


async def read_answer(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval("SELECT answer FROM kept")
    finally:
        await connection.close()


async def test_killed_server_starts_again_with_what_was_committed() -> None:
    with disposable_server() as server:
        dsn = server.start()
        await write_answer(dsn)
        killed = server.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)

        assert server.start() == dsn
        assert server.pid != killed
        assert await read_answer(dsn) == 42


async def test_killed_server_that_nobody_reaps_starts_again() -> None:
    with (
        disposable_server() as server,
        python_process(NEVER_REAP + START_AND_WAIT, str(server.directory)) as parent,
    ):
        assert parent.stdout is not None
        dsn = parent.stdout.readline().strip()
        await write_answer(dsn)
        killed = server.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: psutil.Process(killed).status() == psutil.STATUS_ZOMBIE)
        assert not server.is_running()

        assert server.start() == dsn
        assert psutil.Process(killed).status() == psutil.STATUS_ZOMBIE
        assert await read_answer(dsn) == 42


async def test_process_id_of_a_dead_server_may_belong_to_another_server() -> None:
    with disposable_server() as server, disposable_server() as other:
        dsn = server.start()
        await write_answer(dsn)
        pid_file = server.data_directory / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        server.stop()
        other.start()
        left_behind = "\n".join([str(other.pid), *lines[1:]])
        account_for(server.server_directory).write_file(pid_file, f"{left_behind}\n")
        assert not server.is_running()

        assert server.start() == dsn
        assert server.pid != other.pid
        assert other.is_running()
        assert await read_answer(dsn) == 42


async def test_server_outlives_the_killed_process_that_started_it() -> None:
    with disposable_server() as server:
        with python_process(START_AND_WAIT, str(server.directory)) as parent:
            assert parent.stdout is not None
            dsn = parent.stdout.readline().strip()
            started = server.pid
            await write_answer(dsn)
            parent.send_signal(signal.SIGKILL)
            assert parent.wait(timeout=60) == -signal.SIGKILL

        assert server.is_running()
        assert server.start() == dsn
        assert server.pid == started
        assert await read_answer(dsn) == 42


@pytest.mark.parametrize("initdb_dies_too", [True, False])
async def test_interrupted_creation_is_redone(initdb_dies_too: bool) -> None:
    with disposable_server() as server:
        half = server.server_directory / "data.new"
        with python_process(START_AND_WAIT, str(server.directory)) as creator:
            wait_until((half / "PG_VERSION").exists)
            children = psutil.Process(creator.pid).children(recursive=True)
            creator.send_signal(signal.SIGKILL)
            if initdb_dies_too:
                for child in children:
                    child.kill()
            creator.wait(timeout=60)
        assert not server.data_directory.exists()

        dsn = server.start()

        assert not half.exists()
        await write_answer(dsn)
        assert await read_answer(dsn) == 42


async def test_failed_creation_leaves_nothing_behind_and_can_be_repeated() -> None:
    with disposable_server() as server:
        with python_process(START_WITH_SMALL_FILES, str(server.directory)) as process:
            said, _ = process.communicate(timeout=120)

        message, remedy = said.strip().split("|")
        assert message.startswith("embedded Postgres failed to create its data: ")
        assert message.endswith("File too large")
        assert remedy == "Raise the file size limit (ulimit -f), then start again."
        assert not list(server.server_directory.glob("data*"))
        await write_answer(server.start())
        assert await read_answer(server.dsn()) == 42


def test_data_of_another_version_is_refused() -> None:
    with disposable_server() as server:
        server.start()
        server.stop()
        version_file = server.data_directory / "PG_VERSION"
        account_for(server.server_directory).write_file(version_file, "12\n")

        with pytest.raises(EmbeddedPostgresError, match="written by Postgres 12") as caught:
            server.start()
        assert "Postgres 12" in caught.value.remedy


def test_reason_of_a_failed_start_is_the_one_in_the_log() -> None:
    with disposable_server() as server:
        server.start()
        server.stop()
        account = account_for(server.server_directory)
        main = server.data_directory / "postgresql.conf"
        account.write_file(main, main.read_text() + "work_mem = 'plenty'\n")

        with pytest.raises(EmbeddedPostgresError) as caught:
            server.start()
        assert caught.value.subject == "start"
        assert "plenty" in caught.value.reason or "postgresql.conf" in caught.value.reason
        assert str(server.log_path) in caught.value.remedy
        assert not server.is_running()


@pytest.mark.parametrize(
    ("said", "reason", "remedy"),
    [
        (
            "running bootstrap script ... \n"
            'FATAL:  could not write to file "pg_wal/x": No space left on device\n'
            "child process exited with exit code 1\n",
            'could not write to file "pg_wal/x": No space left on device',
            "Free disk space there, then start again.",
        ),
        (
            'FATAL:  could not extend file "base/1": wrote only 4096 of 8192 bytes at block 10\n'
            "HINT:  Check free disk space.\n"
            "PANIC:  cannot abort transaction 1, it was already committed\n",
            'could not extend file "base/1": wrote only 4096 of 8192 bytes at block 10',
            "Free disk space there, then start again.",
        ),
        (
            '12:00 UTC [7] LOG:  could not bind IPv4 address "127.0.0.1": Address already in use\n'
            "12:00 UTC [7] FATAL:  could not create any TCP/IP sockets\n",
            '12:00 UTC [7] LOG:  could not bind IPv4 address "127.0.0.1": Address already in use',
            "Stop the program that uses the port, then start again.",
        ),
        (
            'initdb: error: could not access directory "/x/data.new": Permission denied\n',
            'could not access directory "/x/data.new": Permission denied',
            "Give the directory to the account that starts the registry.",
        ),
        ("", "it gave no message", "Check the state directory and its permissions."),
    ],
)
def test_failure_names_the_essential_reason_and_its_remedy(
    said: str, reason: str, remedy: str
) -> None:
    error = failure("start", said)

    assert (error.reason, error.remedy) == (reason, remedy)
    assert str(pickle.loads(pickle.dumps(error))) == f"embedded Postgres failed to start: {reason}"


def test_directory_without_programs_is_refused(tmp_path: Path) -> None:
    with disposable_server(EmbeddedPostgresOptions(bin_dir=tmp_path)) as server:
        with pytest.raises(EmbeddedPostgresError, match=f"{tmp_path} holds no initdb"):
            server.start()
        assert not server.data_directory.exists()


def test_state_directory_may_not_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")

    with pytest.raises(EmbeddedPostgresError, match="File exists") as caught:
        EmbeddedPostgres(tmp_path / "state").start()
    assert str(tmp_path / "state") in caught.value.reason


def test_server_that_was_never_started_has_no_address(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "state")

    server.stop()
    assert (server.is_running(), server.pid) == (False, None)
    with pytest.raises(EmbeddedPostgresError, match="does not exist"):
        server.dsn()
    assert not (tmp_path / "state").exists()


def test_held_lock_ends_the_wait_with_one_clear_line(tmp_path: Path) -> None:
    with (
        held_lock(tmp_path, timeout_s=1),
        pytest.raises(EmbeddedPostgresError, match=f"another process holds {tmp_path}/lock"),
        held_lock(tmp_path, timeout_s=0),
    ):
        pass


def test_overgrown_log_is_emptied_and_its_end_kept(tmp_path: Path) -> None:
    log = tmp_path / "postgres.log"
    account = account_for(tmp_path)
    with log.open("a") as server:
        server.write("begin" + "." * 2000 + "end")
        server.flush()
        trim_log(log, account, limit_bytes=4000, kept_bytes=100)
        assert log.stat().st_size == 2008

        trim_log(log, account, limit_bytes=1000, kept_bytes=100)
        server.write("after")
    assert (tmp_path / "postgres.log.1").read_text() == "." * 97 + "end"
    assert log.read_text() == "after"
