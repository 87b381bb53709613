"""The API as a process of its own, which a test may kill."""

import signal
import socket
import subprocess
from collections.abc import Generator
from contextlib import ExitStack, contextmanager

import httpx

from hyper_registry.domain.principal import LOCAL_ADMIN, Role
from hyper_registry.storage.database import Database
from serve_app.route_policies import PREFIX
from tests.support.python_process import python_process
from tests.support.services import build_services
from tests.support.waiting import until

LEASE_S = 1.0
"""How long a request of a killed process counts as being carried out."""

_PROGRAM = """
import sys

import uvicorn
from pydantic import SecretStr

from configs.settings import DatabaseSettings, RequestSettings, Settings
from hyper_registry.ai.prototype_classifier import PrototypeClassifier
from hyper_registry.factory import Models
from serve_app.api import build_api
from tests.support.search_world import HashEmbedder

dsn, port, lease_s = sys.argv[1:]


async def models():
    embedder = HashEmbedder()
    return Models(embedder, embedder, PrototypeClassifier(embedder))


settings = Settings(
    database=DatabaseSettings(url=SecretStr(dsn), pool_min=1, pool_max=8),
    requests=RequestSettings(idempotency_lease_s=float(lease_s)),
)
uvicorn.run(
    build_api(settings, models), host="127.0.0.1", port=int(port), log_level="error"
)
"""


class ApiProcess:
    """The API on a port of this machine that stays the same when it is started again."""

    def __init__(self, dsn: str, running: ExitStack) -> None:
        self._dsn = dsn
        self._port = _free_port()
        self._running = running
        self._process: subprocess.Popen[str] | None = None
        self.url = f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Start it, and wait until it is able to work."""
        arguments = (self._dsn, str(self._port), str(LEASE_S))
        self._process = self._running.enter_context(python_process(_PROGRAM, *arguments))
        await until_healthy(self.url)

    def kill(self) -> None:
        """End it without warning."""
        assert self._process is not None
        self._process.kill()
        assert self._process.wait() == -signal.SIGKILL

    @property
    def has_ended(self) -> bool:
        """Whether it ended by itself or was killed."""
        return self._process is None or self._process.poll() is not None


@contextmanager
def api_process(dsn: str) -> Generator[ApiProcess]:
    """Give the API of a database, not started yet; it is killed at the end."""
    with ExitStack() as running:
        yield ApiProcess(dsn, running)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def until_healthy(url: str) -> None:
    """Wait until the API at an address is able to work."""

    async def healthy() -> bool:
        try:
            return (await client.get(f"{PREFIX}/health")).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    async with httpx.AsyncClient(base_url=url) as client:
        await until(healthy, limit_s=60)


async def create_token(dsn: str, name: str, role: Role) -> str:
    """Create an API key without an API."""
    database = Database(dsn, min_size=1)
    await database.open()
    try:
        _, token = await build_services(database).keys.create(LOCAL_ADMIN, name, role)
    finally:
        await database.close()
    return token
