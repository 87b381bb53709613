"""The peer that the product is compared with: bare FastAPI on uvicorn, one worker process.

It reads an entry by the registry's own query on a pool of the same size, and answers by a model, as
FastAPI's documentation has it. It knows no callers, no errors, no limits.
"""

import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.requests import Request

from configs.loader import load_settings
from configs.settings import Settings
from hyper_registry.ai.model_files import locate_model
from hyper_registry.domain.principal import EVERYONE
from hyper_registry.storage.database import Database
from hyper_registry.storage.queries import load_queries

START_TIMEOUT_S = 30
"""Time for the peer to answer its first request, in seconds."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A running peer."""

    url: str
    pid: int


class Entry(BaseModel):
    """The columns of the query."""

    entry_key: int
    entry_id: str
    category: str
    title: str
    description: str
    status: str
    owner: str | None
    tags: list[str]
    metadata: dict[str, Any]
    compliance_status: str
    visibility: str
    granted: list[str]
    checksum: str
    version: int
    created_at: datetime
    updated_at: datetime
    created_by: str
    updated_by: str
    accessed_at: datetime | None
    embedded: bool


def build_peer() -> FastAPI:
    """Return the peer; its database is that of the environment's settings."""
    query = load_queries("entry")["fetch_entry"]
    model_id = locate_model().model_id

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        app.state.database = await _open(load_settings())
        yield
        await app.state.database.close()

    app = FastAPI(lifespan=lifespan)

    @app.get("/v1/registry/entries/{entry_id}")
    async def get_entry(entry_id: str, request: Request) -> Entry:
        async with request.app.state.database.connection() as connection:
            row = await connection.fetchrow(query, entry_id, [EVERYONE], model_id)
        return Entry(**dict(row) | {"checksum": row["checksum"].hex()})

    return app


async def _open(settings: Settings) -> Database:
    assert settings.database.url is not None
    database = Database(
        settings.database.url.get_secret_value(),
        min_size=settings.database.pool_min,
        max_size=settings.database.pool_max,
    )
    await database.open()
    return database


@contextmanager
def peer_process(environment: dict[str, str], path: str) -> Generator[Peer]:
    """Run the peer for the length of the block.

    Parameters
    ----------
    environment
        Of its process, with the URL of the database.
    path
        A path that it answers once it is up.

    Raises
    ------
    RuntimeError
        If it does not start.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.api.peer", str(listener.fileno())],
            env=environment,
            pass_fds=[listener.fileno()],
            start_new_session=True,
        )
        try:
            # Connections wait in the listener's queue until the peer accepts them.
            answer = httpx.get(url + path, timeout=START_TIMEOUT_S, trust_env=False)
            if answer.status_code != httpx.codes.OK:
                msg = f"the peer answers {answer.status_code}: {answer.text[:300]}"
                raise RuntimeError(msg)
            yield Peer(url, process.pid)
        finally:
            process.terminate()
            process.wait()


def _serve(descriptor: int) -> None:
    """Serve on a listening TCP socket.

    Not by uvicorn's own option for descriptors: that takes every one for a Unix socket, so its
    connections lack TCP_NODELAY and wait some 40 ms for the client's acknowledgements.
    """
    config = uvicorn.Config(
        build_peer(), loop="uvloop", http="httptools", access_log=False, log_level="warning"
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
