"""Where a local instance keeps its files, and the record of what it runs.

One instance belongs to one *home*, a state directory chosen by the caller. Ray and HAProxy put
Unix sockets beside their files, and a socket path is limited to 107 bytes, so those files lie in a
short directory of the system's temporary directory whose name is derived from the home.
"""

import fcntl
import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from cluster.ports import InstancePorts
from cluster.processes import ProcessIdentity
from hyper_registry.domain.errors.service import ClusterError

# Ray adds up to 70 bytes below its directory ("/session_<date>_<time>_<pid>/sockets/plasma_store")
# and HAProxy up to 71 ("/<node id of 56>/a.<pid>.tmp"); both must stay below 107.
LONGEST_RUNTIME_DIRECTORY = 35


@dataclass(frozen=True, slots=True)
class InstancePaths:
    """Every path of one local instance.

    Parameters
    ----------
    home
        State directory of the instance, absolute. It survives a stop.
    """

    home: Path

    @classmethod
    def of(cls, home: Path) -> "InstancePaths":
        """Make the paths of ``home``, resolved so that one directory is one instance."""
        return cls(home.expanduser().resolve())

    @property
    def record_file(self) -> Path:
        """JSON record of ports and processes, see `InstanceRecord`."""
        return self.home / "instance.json"

    @property
    def lock_file(self) -> Path:
        """Held while an instance is started or stopped."""
        return self.home / "instance.lock"

    @property
    def token_file(self) -> Path:
        """The secret that every Ray client of this instance must present."""
        return self.home / "ray-token"

    @property
    def head_log(self) -> Path:
        """Output of the Ray head process."""
        return self.home / "logs" / "ray-head.log"

    @property
    def runtime_directory(self) -> Path:
        """Short directory of Ray's session files and HAProxy's sockets, private to the user."""
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:8]
        name = f"hyper-registry-{digest}"
        directory = Path(tempfile.gettempdir()) / name
        if len(os.fsencode(directory)) > LONGEST_RUNTIME_DIRECTORY:
            return Path("/tmp") / name  # noqa: S108 - the name is ours and the mode is checked
        return directory

    def prepare(self) -> None:
        """Create the directories and the token file where they do not exist.

        Raises
        ------
        ClusterError
            If a directory cannot be created, or the runtime directory belongs to another user.
        """
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            self.head_log.parent.mkdir(exist_ok=True)
            self.runtime_directory.mkdir(mode=0o700, exist_ok=True)
            owner = self.runtime_directory.lstat()
            if owner.st_uid != os.geteuid() or self.runtime_directory.is_symlink():
                raise ClusterError(
                    "prepare the instance's directories",
                    f"{self.runtime_directory} belongs to another user",
                    f"Remove {self.runtime_directory}, or choose another state directory.",
                )
            self.runtime_directory.chmod(0o700)
            if not self.token_file.exists():
                write_private(self.token_file, secrets.token_hex(32))
        except OSError as error:
            raise ClusterError(
                "prepare the instance's directories",
                str(error),
                f"Make {self.home} and {self.runtime_directory.parent} writable.",
            ) from error

    def read_token(self) -> str:
        """Read the instance's Ray token.

        Raises
        ------
        ClusterError
            If the instance has never been started.
        """
        try:
            return self.token_file.read_text().strip()
        except OSError as error:
            raise ClusterError(
                "read the Ray token", str(error), "Start the instance with 'hyper-registry up'."
            ) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the instance's lock, so that two starts or stops never interleave.

        Raises
        ------
        ClusterError
            If the home cannot be written.
        """
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            lock = self.lock_file.open("w")
        except OSError as error:
            raise ClusterError(
                "lock the instance", str(error), f"Make {self.home} writable."
            ) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


@dataclass(frozen=True, slots=True)
class InstanceRecord:
    """What a local instance runs, kept in its home.

    Parameters
    ----------
    ports
        Ports of the last start, re-used by the next one while they are free.
    http_host
        Interface of the API.
    node_ip
        Address under which Ray's processes know each other.
    head
        Ray's head process, or None after a stop.
    started_at
        ISO 8601 time of the last start, UTC.
    application_digest
        Digest of the deployed Serve configuration, or None while none is deployed.
    """

    ports: InstancePorts
    http_host: str
    node_ip: str
    head: ProcessIdentity | None = None
    started_at: str | None = None
    application_digest: str | None = None

    @property
    def api_url(self) -> str:
        """URL of the API on this machine."""
        host = "127.0.0.1" if self.http_host in {"0.0.0.0", "::"} else self.http_host  # noqa: S104
        return f"http://{host}:{self.ports.http}"

    @property
    def dashboard_url(self) -> str:
        """URL of Ray's dashboard and Jobs API."""
        return f"http://127.0.0.1:{self.ports.dashboard}"

    @property
    def ray_address(self) -> str:
        """Address for ``ray.init``."""
        return f"{self.node_ip}:{self.ports.gcs}"


def read_record(paths: InstancePaths) -> InstanceRecord | None:
    """Read the record of an instance.

    Returns
    -------
    InstanceRecord or None
        None when the instance was never started.

    Raises
    ------
    ClusterError
        If the record exists but cannot be understood.
    """
    try:
        raw = json.loads(paths.record_file.read_text())
        head = raw["head"]
        return InstanceRecord(
            ports=InstancePorts(**raw["ports"]),
            http_host=raw["http_host"],
            node_ip=raw["node_ip"],
            head=ProcessIdentity(**head) if head else None,
            started_at=raw["started_at"],
            application_digest=raw["application_digest"],
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ClusterError(
            "read the instance's record",
            f"{paths.record_file}: {error}",
            "Run 'hyper-registry down', which ends what still runs and removes the record.",
        ) from error


def write_record(paths: InstancePaths, record: InstanceRecord) -> None:
    """Replace the record of an instance in one step."""
    write_private(paths.record_file, json.dumps(asdict(record), indent=2) + "\n")


def write_private(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` in one step, readable by the owner only."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    partial.replace(path)
