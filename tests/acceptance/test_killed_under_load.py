"""Kill -9 of the API and of Postgres while many write: nothing acknowledged is lost, none is half.

Everything is checked through the API; what is killed are processes of the test's own.
"""

import os
import signal
from collections import Counter
from collections.abc import Generator

import asyncpg
import httpx
import pytest

from hyper_registry.domain.principal import Role
from hyper_registry.storage.embedded import EmbeddedPostgres
from hyper_registry.storage.migrate import migrate
from serve_app.route_policies import PREFIX
from tests.support.api_process import api_process, create_token
from tests.support.postgres_server import disposable_server
from tests.support.waiting import until
from tests.support.write_load import (
    MARKED,
    WRITER,
    WriteLoad,
    effect_of,
    look_at,
    require_entries_as_told,
)

ENOUGH = 60
"""Acknowledged writes before and after each kill."""

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def server() -> Generator[EmbeddedPostgres]:
    with disposable_server() as server:
        yield server


@pytest.fixture
async def own_dsn(server: EmbeddedPostgres) -> str:
    """A database on a server that no other test uses."""
    dsn = server.start()
    await migrate(dsn)
    return dsn


async def _require_nothing_lost(url: str, dsn: str, load: WriteLoad) -> None:
    """Check all writes, send again those that nobody answered, and check all once more."""
    admin = await create_token(dsn, "ada", Role.ADMIN)
    before = await look_at(url, admin)
    before.require_whole(load)
    assert Counter(map(effect_of, load.followed)) == before.effects + MARKED
    await require_entries_as_told(url, admin, before)
    await load.repeat_unanswered()
    after = await look_at(url, admin)
    after.require_whole(load, all_done=True)
    await require_entries_as_told(url, admin, after)
    headers = {"Authorization": f"Bearer {admin}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:

        async def sealed() -> bool:
            report = (await client.get(f"{PREFIX}/audit/verify")).json()
            assert report["faults"] == []
            return report["unsealed_rows"] == 0

        await until(sealed)


async def test_killed_api(dsn: str):
    with api_process(dsn) as api:
        load = WriteLoad([api.url], await create_token(dsn, WRITER, Role.EDITOR))
        await api.start()
        async with load.running():
            for _ in range(3):
                await load.until_acknowledged(ENOUGH)
                api.kill()
                await api.start()
            await load.until_acknowledged(ENOUGH)
        assert len(load.unanswered) >= 3
        await _require_nothing_lost(api.url, dsn, load)


async def test_killed_postgres(server: EmbeddedPostgres, own_dsn: str):
    with api_process(own_dsn) as api:
        load = WriteLoad([api.url], await create_token(own_dsn, WRITER, Role.EDITOR))
        await api.start()
        async with load.running():
            for _ in range(2):
                await load.until_acknowledged(ENOUGH)
                killed = server.pid
                assert killed is not None
                os.kill(killed, signal.SIGKILL)
                assert server.start() == own_dsn
                assert server.pid != killed
            await load.until_acknowledged(ENOUGH)
        assert not api.has_ended
        await _require_nothing_lost(api.url, own_dsn, load)


async def test_killed_postgres_backend(server: EmbeddedPostgres, own_dsn: str):
    with api_process(own_dsn) as api:
        load = WriteLoad([api.url], await create_token(own_dsn, WRITER, Role.EDITOR))
        await api.start()
        async with load.running():
            await load.until_acknowledged(ENOUGH)
            os.kill(await _busy_backend(own_dsn), signal.SIGKILL)
            await load.until_acknowledged(ENOUGH)
        assert not api.has_ended
        await _require_nothing_lost(api.url, own_dsn, load)


async def _busy_backend(dsn: str) -> int:
    """Return the process of a backend that is within a transaction that writes."""
    connection = await asyncpg.connect(dsn)
    found: list[int] = []

    async def busy() -> bool:
        rows = await connection.fetch(
            "select pid from pg_stat_activity"
            " where backend_xid is not null and pid <> pg_backend_pid()"
            " and datname = current_database()"
        )
        found[:] = [row["pid"] for row in rows]
        return bool(found)

    try:
        await until(busy)
    finally:
        await connection.close()
    return found[0]
