"""Where a server keeps its files, and under which account, for a given state directory.

Usually that is the folder `server` in the state directory. Root's server runs as another account,
which may be unable to reach a state directory below, say, `/root`. Permissions of directories that
are not ours stay as they are, so its files then lie under `/var/lib/hyper-registry`, in a folder
named by a hash of the state directory's path.
"""

import hashlib
import logging
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from hyper_registry.domain.errors.service import EmbeddedPostgresError
from hyper_registry.storage.postgres_account import ServerAccount, account_for
from hyper_registry.storage.postmaster import stop_postmaster

RELOCATION_ROOT = Path("/var/lib/hyper-registry")
_IDENTITY = "server-identity"
_STOP_TIMEOUT_S = 60.0
# pg_ctl and initdb put paths between double quotes into shell commands.
_FORBIDDEN = frozenset('"$`\\\n')

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServerPlacement:
    """Whose server it is and where its files are.

    Attributes
    ----------
    state_directory
        What the caller named, resolved.
    account
        Account of the server's processes and files.
    directory
        Holds everything of the server; mode 0700, owned by `account`.
    """

    state_directory: Path
    account: ServerAccount
    directory: Path

    @property
    def is_relocated(self) -> bool:
        """Whether the files lie outside the state directory."""
        return self.directory.parent != self.state_directory

    @property
    def data_directory(self) -> Path:
        """The Postgres data directory."""
        return self.directory / "data"


def relocated_directory(state_directory: Path) -> Path:
    """Name the folder for the server of a state directory that its account cannot reach."""
    digest = hashlib.sha256(os.fsencode(state_directory)).hexdigest()
    return RELOCATION_ROOT / digest[:16]


def place_server(state_directory: Path) -> ServerPlacement:
    """Decide whose a server is and where it lies; files that exist already decide first.

    Creates nothing.

    Parameters
    ----------
    state_directory
        Absolute and resolved; need not exist.

    Raises
    ------
    EmbeddedPostgresError
        If root finds no account to become.
    """
    local = state_directory / "server"
    if local.exists():
        # Root owns it only where an earlier start was cut off before it handed the folder over.
        is_handed_over = local.stat().st_uid != 0
        owner = account_for(local if is_handed_over else state_directory)
        return ServerPlacement(state_directory, owner, local)
    moved = relocated_directory(state_directory)
    identity = _identity(state_directory)
    if identity is not None and identity == _identity(moved):
        return ServerPlacement(state_directory, account_for(moved), moved)
    nearest = next(p for p in (state_directory, *state_directory.parents) if p.exists())
    account = account_for(nearest if nearest == state_directory else Path("/"))
    reachable = not account.is_dropped or account.may_enter(nearest)
    return ServerPlacement(state_directory, account, local if reachable else moved)


def claim_placement(placement: ServerPlacement) -> None:
    """Create the server's directory for its account. The caller holds the start lock.

    Raises
    ------
    EmbeddedPostgresError
        If the account cannot reach it, or the path cannot be handed to Postgres.
    OSError
        If it cannot be created or belongs to another account.
    """
    forbidden = _FORBIDDEN.intersection(str(placement.directory))
    if forbidden:
        raise EmbeddedPostgresError(
            "start",
            f"the path {str(placement.directory)!r} holds {' '.join(sorted(forbidden))!r}, which "
            "Postgres's programs do not accept",
            "Choose a state directory without quotes, dollar signs and backslashes.",
        )
    if placement.is_relocated:
        _claim_relocated(placement)
    placement.account.own_directory(placement.directory)
    if placement.account.is_dropped and not placement.account.may_enter(placement.directory):
        raise EmbeddedPostgresError(
            "start",
            f"{placement.account.name}, the account of the server, cannot reach "
            f"{placement.directory}",
            "Make its parent directories searchable for that account (chmod o+x).",
        )


def _claim_relocated(placement: ServerPlacement) -> None:
    """Prepare the parent, and put aside what a deleted state directory of the same path left."""
    if not RELOCATION_ROOT.exists():
        RELOCATION_ROOT.mkdir(parents=True)
        RELOCATION_ROOT.chmod(0o755)
    identity = _identity(placement.state_directory)
    if identity is None:
        identity = secrets.token_hex(16)
        _write_identity(placement.state_directory, identity)
    if placement.directory.exists() and _identity(placement.directory) != identity:
        _put_aside(placement)
    if not placement.directory.exists():
        # Under its name only with its identity inside, so an interrupted claim is simply repeated.
        fresh = placement.directory.with_name(f"{placement.directory.name}.{identity}")
        placement.account.own_directory(fresh)
        _write_identity(fresh, identity)
        fresh.rename(placement.directory)


def _put_aside(placement: ServerPlacement) -> None:
    """Rename the data of a state directory that no longer exists; nobody asked to delete it."""
    if not stop_postmaster(placement.data_directory, "fast", _STOP_TIMEOUT_S):
        raise EmbeddedPostgresError(
            "start",
            f"the server of a deleted state directory still runs on {placement.data_directory}",
            "Stop that server, then start again.",
        )
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    aside = placement.directory.with_name(f"{placement.directory.name}.orphan-{stamp}")
    placement.directory.rename(aside)
    _logger.warning(
        "the state directory %s is new: the database of its predecessor is kept in %s, "
        "delete that if it is not needed",
        placement.state_directory,
        aside,
    )


def _identity(directory: Path) -> str | None:
    """Token that ties a relocated server to its state directory; None where there is none."""
    try:
        return (directory / _IDENTITY).read_text().strip() or None
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None


def _write_identity(directory: Path, identity: str) -> None:
    path = directory / _IDENTITY
    path.write_text(identity)
    path.chmod(0o600)
