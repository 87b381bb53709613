"""A Postgres server of our own, started on demand and shared by every process that asks for it.

The server outlives the process that started it: whoever starts next joins it. All changes of its
state (creating, starting, stopping) happen under one file lock, and each is either whole or
repeated by the next start, so a process may be killed at any point.
"""

import shutil
import time
from pathlib import Path

from hyper_registry.domain.errors.service import EmbeddedPostgresError
from hyper_registry.storage.postgres_binaries import (
    PostgresBinaries,
    find_binaries,
    usable_binaries,
)
from hyper_registry.storage.postgres_creation import (
    DATABASE,
    SETTINGS_FILE,
    USER,
    create_data,
)
from hyper_registry.storage.postgres_failure import (
    ADDRESS_TAKEN,
    PASSING,
    failure,
    translated_failures,
)
from hyper_registry.storage.postgres_lock import held_lock
from hyper_registry.storage.postgres_log import log_size_bytes, logged_since, trim_log
from hyper_registry.storage.postgres_placement import (
    ServerPlacement,
    claim_placement,
    place_server,
)
from hyper_registry.storage.postgres_port import HOST, becomes_free, free_port
from hyper_registry.storage.postgres_settings import (
    EmbeddedPostgresOptions,
    server_settings,
    socket_directory_for,
)
from hyper_registry.storage.postmaster import (
    Postmaster,
    ShutdownMode,
    live_postmaster,
    remove_stale_locks,
    stop_postmaster,
)

# Another process may be creating the data, which has this long, and then start the server.
_CREATION_ALLOWANCE_S = 240.0
_STOP_TIMEOUT_S = 60.0
_POLL_S = 0.05


class EmbeddedPostgres:
    """The server whose state is kept in one directory.

    Parameters
    ----------
    directory
        State directory; created by the first start. Delete it, with the server stopped, to be rid
        of the server.
    options
        How to run the server; the defaults suit a laptop.
    """

    def __init__(self, directory: Path, options: EmbeddedPostgresOptions | None = None) -> None:
        self.directory = directory.resolve()
        self._options = options or EmbeddedPostgresOptions()

    @property
    def server_directory(self) -> Path:
        """Directory of all the server's files; outside the state directory only if it must be.

        Raises
        ------
        EmbeddedPostgresError
            If the state directory cannot be examined.
        """
        return self._placement().directory

    @property
    def data_directory(self) -> Path:
        """The Postgres data directory."""
        return self.server_directory / "data"

    @property
    def log_path(self) -> Path:
        """The server's log."""
        return self.server_directory / "postgres.log"

    @property
    def pid(self) -> int | None:
        """Process id of the server, or None where none runs.

        Raises
        ------
        EmbeddedPostgresError
            If the data directory cannot be read.
        """
        postmaster = self._postmaster()
        return postmaster.pid if postmaster is not None else None

    def is_running(self) -> bool:
        """Whether the server runs and accepts connections.

        Raises
        ------
        EmbeddedPostgresError
            If the data directory cannot be read.
        """
        postmaster = self._postmaster()
        return postmaster is not None and postmaster.is_ready

    def dsn(self, database: str | None = None) -> str:
        """Give the address of a database of this server, password included.

        Parameters
        ----------
        database
            Name of the database; `registry` where it is None.

        Raises
        ------
        EmbeddedPostgresError
            If the server was never started, or its password cannot be read.
        """
        with translated_failures("read its address", self.directory):
            server = self._placement().directory
            try:
                password = (server / "password").read_text().strip()
                port = (server / "port").read_text().strip()
            except FileNotFoundError as error:
                raise EmbeddedPostgresError(
                    "read its address", f"{error.filename} does not exist", "Start the server."
                ) from error
        return f"postgresql://{USER}:{password}@{HOST}:{port}/{database or DATABASE}"

    def start(self) -> str:
        """Start the server, or join the one that runs, and give the address of its database.

        The first start creates the server's data and the database `registry`. It is safe to call
        from several processes and threads at once.

        Returns
        -------
        str
            DSN of the database `registry`.

        Raises
        ------
        EmbeddedPostgresError
            If it cannot be created or started; the reason is Postgres's own.
        """
        with translated_failures("start", self.directory):
            self.directory.mkdir(parents=True, exist_ok=True)
            with held_lock(self.directory, self._lock_timeout_s()) as lock:
                placement = self._placement()
                claim_placement(placement)
                trim_log(self.log_path, placement.account)
                if not self._await_live(placement):
                    self._start_server(placement, lock)
                return self.dsn()

    def stop(self, *, mode: ShutdownMode = "fast") -> None:
        """Stop the server and wait until it is gone; nothing happens where none runs.

        Parameters
        ----------
        mode
            `smart` waits for clients to leave, `fast` disconnects them, `immediate` leaves recovery
            to the next start.

        Raises
        ------
        EmbeddedPostgresError
            If it belongs to another user, or still runs after a minute.
        """
        with translated_failures("stop", self.directory):
            if not self.directory.exists():
                return
            with held_lock(self.directory, self._lock_timeout_s()):
                server = self.server_directory
                if not stop_postmaster(server / "data", mode, _STOP_TIMEOUT_S):
                    raise EmbeddedPostgresError(
                        "stop",
                        f"it still runs after {_STOP_TIMEOUT_S:g} s in mode {mode!r}",
                        "Stop it in mode 'fast' or 'immediate'.",
                    )
                sockets = socket_directory_for(server)
                if sockets.parent != server:
                    shutil.rmtree(sockets, ignore_errors=True)  # a leftover does no harm

    def _lock_timeout_s(self) -> float:
        return self._options.start_timeout_s + _CREATION_ALLOWANCE_S

    def _placement(self) -> ServerPlacement:
        with translated_failures("find its directory", self.directory):
            return place_server(self.directory)

    def _postmaster(self) -> Postmaster | None:
        with translated_failures("look for its process", self.directory):
            return live_postmaster(self.data_directory)

    def _await_live(self, placement: ServerPlacement) -> bool:
        """Wait while a live server starts or stops; true once one answers, false if none is."""
        deadline = time.monotonic() + self._options.start_timeout_s
        while (postmaster := live_postmaster(placement.data_directory)) is not None:
            if postmaster.is_ready and postmaster.answers():
                return True
            if time.monotonic() > deadline:
                raise failure("start", f"process {postmaster.pid} did not start in time")
            time.sleep(_POLL_S)
        return False

    def _start_server(self, placement: ServerPlacement, lock: int) -> None:
        binaries = usable_binaries(
            find_binaries(self._options.bin_dir),
            placement.account,
            placement.directory / "binaries",
        )
        if not placement.data_directory.exists():
            create_data(placement, binaries, lock=lock, fsync=self._options.fsync)
        written_by = (placement.data_directory / "PG_VERSION").read_text().strip()
        if written_by != str(binaries.major):
            raise EmbeddedPostgresError(
                "start",
                f"its data was written by Postgres {written_by}, but {binaries.directory} holds "
                f"version {binaries.major}",
                f"Set bin_dir to a Postgres {written_by}, or dump and restore the data.",
            )
        self._launch(placement, binaries)

    def _launch(self, placement: ServerPlacement, binaries: PostgresBinaries) -> None:
        """Run `pg_ctl start`, on another port or once more where that is the cure."""
        account, data = placement.account, placement.data_directory
        sockets = socket_directory_for(placement.directory)
        account.own_directory(sockets)
        deadline = time.monotonic() + self._options.start_timeout_s
        port = self._stored_port(placement)
        while True:
            if port is None or not becomes_free(port):
                port = free_port()
            remove_stale_locks(data, sockets)
            account.write_file(placement.directory / "port", str(port))
            settings = server_settings(self._options, port=port, socket_directory=sockets)
            account.write_file(data / SETTINGS_FILE, settings)
            logged_bytes = log_size_bytes(self.log_path)
            timeout_s = max(1, round(deadline - time.monotonic()))
            result = account.run(
                [
                    *(binaries.program("pg_ctl"), "start", "--silent", "--wait"),
                    *("-t", str(timeout_s), "-D", str(data), "-l", str(self.log_path)),
                ],
                directory=placement.directory,
                timeout_s=timeout_s + 30,
            )
            if result.status == 0:
                return
            said = logged_since(self.log_path, logged_bytes) + result.output
            if time.monotonic() > deadline or live_postmaster(data) is not None:
                raise failure("start", said, log=self.log_path)
            if ADDRESS_TAKEN in said:
                port = None
            elif any(cause in said for cause in PASSING):
                time.sleep(_POLL_S)
            else:
                raise failure("start", said, log=self.log_path)

    def _stored_port(self, placement: ServerPlacement) -> int | None:
        try:
            return int((placement.directory / "port").read_text())
        except (FileNotFoundError, ValueError):
            return None
