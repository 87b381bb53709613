"""The operating system account of a server: its commands run as it, its files belong to it.

Postgres refuses to run as root. Started by root, it runs as another account, so everything that it
touches has to belong to that account; started by an ordinary user, that user is the account.
"""

import os
import pwd
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hyper_registry.domain.errors.service import EmbeddedPostgresError

_UNPRIVILEGED = "nobody"
# Messages are read by this package, so their language is fixed; the caller's environment, which
# may hold secrets or PG* variables, is not handed to a process that outlives the caller.
_LOCALE = {"LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"}
_INHERITED = ("PATH", "LD_LIBRARY_PATH", "TZDIR")


@dataclass(frozen=True, slots=True)
class CommandResult:
    """Exit status of a command, and what it wrote to standard output and error together."""

    status: int
    output: str


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """The account that the server's processes run as.

    Attributes
    ----------
    uid, gid
        Numeric user and group.
    is_dropped
        True where root gives up its rights to become this account.
    """

    uid: int
    gid: int
    is_dropped: bool

    @property
    def name(self) -> str:
        """Login name for messages, or the numeric uid where it has none."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return f"uid {self.uid}"

    def run(
        self,
        command: Sequence[str],
        *,
        directory: Path,
        timeout_s: float,
        text: str = "",
        keep_open: Sequence[int] = (),
    ) -> CommandResult:
        """Run `command` as this account and wait for it.

        Output goes through a file: a postmaster left behind by `pg_ctl` would hold a pipe open,
        and reading that pipe to its end would last as long as the server.

        Parameters
        ----------
        command
            Absolute path of the program and its arguments.
        directory
            Working directory; this account must be able to enter it.
        timeout_s
            After so many seconds the command is killed.
        text
            What the command reads from standard input.
        keep_open
            File descriptors that the command inherits.

        Raises
        ------
        OSError
            If the program cannot be executed as this account.
        subprocess.TimeoutExpired
            If it takes longer than `timeout_s`.
        """
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said:
            given.write(text.encode())
            given.seek(0)
            completed = subprocess.run(
                command,
                stdin=given,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env=environment | _LOCALE | {"HOME": str(directory)},
                timeout=timeout_s,
                check=False,
                start_new_session=True,  # Ctrl-C in the caller's terminal is not for the server
                umask=0o077,
                pass_fds=keep_open,
                user=self.uid if self.is_dropped else None,
                group=self.gid if self.is_dropped else None,
                extra_groups=[] if self.is_dropped else None,
            )
            said.seek(0)
            return CommandResult(completed.returncode, said.read().decode(errors="replace"))

    def may_enter(self, directory: Path) -> bool:
        """Whether this account can reach files below `directory`, found out by trying.

        Trying respects access lists and mount options, which permission bits do not show.
        """
        attempt = self.run(
            ["/bin/sh", "-c", 'test -x "$0/."', str(directory)], directory=Path("/"), timeout_s=30
        )
        return attempt.status == 0

    def own_directory(self, path: Path) -> None:
        """Create `path`, or take it as it is, as a directory of this account with mode 0700.

        Raises
        ------
        PermissionError
            If it exists and belongs to another account.
        OSError
            If it cannot be created, or is a symbolic link or a file.
        """
        path.mkdir(mode=0o700, exist_ok=True)
        # Ownership changes by descriptor: by path, whoever may write to the parent could swap the
        # directory for a link between two calls made by root.
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            owner = os.fstat(descriptor).st_uid
            if self.is_dropped and owner == 0:
                os.fchown(descriptor, self.uid, self.gid)
            elif owner != self.uid:
                raise PermissionError(1, f"belongs to uid {owner}, not to {self.name}", str(path))
            os.fchmod(descriptor, 0o700)
        finally:
            os.close(descriptor)

    def write_file(self, path: Path, text: str, *, sync: bool = False) -> None:
        """Write `text` to `path` as a file of this account with mode 0600, whole or not at all.

        Parameters
        ----------
        path
            Where to write it; replaced if it exists.
        text
            The whole content.
        sync
            Whether to wait until the content is on disk.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        fresh = path.with_name(f"{path.name}.new")
        fresh.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(fresh, flags, 0o600), "w", encoding="utf-8") as file:
            if self.is_dropped:
                os.fchown(file.fileno(), self.uid, self.gid)
            file.write(text)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        fresh.replace(path)


def account_for(directory: Path) -> ServerAccount:
    """Give the account of a server whose state is kept in `directory`.

    An ordinary user is the account itself. Root becomes the owner of the directory, or `nobody`
    where root owns it (or where the owner has no login name, which `initdb` insists on).

    Raises
    ------
    EmbeddedPostgresError
        If root finds no account to become.
    """
    if os.geteuid() != 0:
        return ServerAccount(os.geteuid(), os.getegid(), is_dropped=False)
    owner = directory.stat()
    if owner.st_uid != 0 and _has_login(owner.st_uid):
        return ServerAccount(owner.st_uid, owner.st_gid, is_dropped=True)
    try:
        nobody = pwd.getpwnam(_UNPRIVILEGED)
    except KeyError as error:
        raise EmbeddedPostgresError(
            "choose an account",
            f"Postgres does not run as root and there is no account {_UNPRIVILEGED!r}",
            f"Give {directory} to an ordinary user (chown), or start as one.",
        ) from error
    return ServerAccount(nobody.pw_uid, nobody.pw_gid, is_dropped=True)


def _has_login(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
