"""Kill -9 of a job's driver at its worst moments: no row is done twice, and none is missed.

The moments are made by locks that the test holds: within a transaction of the job, and after one
has committed, before the job has reported it.
"""

import json
import signal
import subprocess
from base64 import b64decode
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from itertools import pairwise
from pathlib import Path

import asyncpg
import pytest

from hyper_registry.domain.job import Job, JobKind, JobState
from hyper_registry.domain.sealing import KeyRing
from hyper_registry.factory import job_service
from hyper_registry.security.key_file import new_key_material
from hyper_registry.storage.database import Database
from tests.support.python_process import python_process
from tests.support.services import ADMIN, EDITOR, build_services, draft
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(240)

_PROGRAM = """
import json, os, runpy, sys
os.environ.update(json.loads(sys.argv.pop()))
runpy.run_module(f"jobs.{sys.argv.pop()}", run_name="__main__")
"""
BATCH = 20
STEP = 500
"""Rows that a step of a rotation looks at."""


class Driven:
    """A job of a kind whose drivers are processes of their own.

    Parameters
    ----------
    rows
        Selects a row of the entry ``$1`` that a transaction which does the entry has to lock.
    """

    def __init__(
        self, kind: JobKind, database: Database, environment: dict[str, str], rows: str
    ) -> None:
        self.kind = kind
        self.database = database
        self._environment = json.dumps({"HYPER_REGISTRY_DATABASE_URL": database.dsn, **environment})
        self._rows = rows

    async def latest(self) -> Job:
        return (await job_service(self.database).list_latest(ADMIN))[0]

    @contextmanager
    def _driver(self) -> Generator[subprocess.Popen[str]]:
        with python_process(_PROGRAM, self.kind.value, self._environment) as process:
            yield process

    async def killed_within(self, entry_id: str) -> None:
        """Kill a driver within the transaction that does an entry."""
        with self._driver() as driver:
            async with self._holding(self._rows, entry_id) as entry:
                await self._until_blocked_by(entry)
                driver.send_signal(signal.SIGKILL)
                driver.wait()
        await self._until_gone()

    async def killed_after(self, entry_id: str) -> None:
        """Kill a driver after the commit of the transaction that does an entry, before it told."""
        with self._driver() as driver:
            async with self._holding(self._rows, entry_id) as entry:
                await self._until_blocked_by(entry)
                job = await self.latest()
                async with self._holding("select from job where job_id = $1", job.job_id) as told:
                    await entry.close()
                    await self._until_blocked_by(told)
                    driver.send_signal(signal.SIGKILL)
                    driver.wait()
        await self._until_gone()

    async def finished(self) -> Job:
        """Let a driver come to its end."""
        with self._driver() as driver:

            async def ended() -> bool:
                return driver.poll() is not None

            await until(ended, limit_s=60)
            assert driver.returncode == 0
        return await self.latest()

    @asynccontextmanager
    async def _holding(self, row: str, key: str) -> AsyncGenerator[asyncpg.Connection]:
        holder = await asyncpg.connect(self.database.dsn)
        try:
            await holder.execute("begin")
            assert len(await holder.fetch(f"{row} for update", key)) == 1
            yield holder
        finally:
            await holder.close()

    async def _until_blocked_by(self, holder: asyncpg.Connection) -> None:
        async def blocked() -> bool:
            async with self.database.connection() as connection:
                return await connection.fetchval(
                    "select exists (select from pg_stat_activity"
                    " where $1 = any(pg_blocking_pids(pid)))",
                    holder.get_server_pid(),
                )

        await until(blocked, limit_s=60)

    async def _until_gone(self) -> None:
        """Wait until Postgres has seen that the driver is gone."""

        async def gone() -> bool:
            async with self.database.connection() as connection:
                return not await connection.fetchval(
                    "select exists (select from pg_stat_activity where backend_xid is not null"
                    " and datname = current_database() and pid <> pg_backend_pid())"
                )

        await until(gone)
        assert (await self.latest()).is_interrupted


async def test_a_killed_purge_removes_each_entry_once(database: Database, tmp_path: Path):
    services = build_services(database)
    names = [f"e{number:03}" for number in range(4 * BATCH)]
    purged, kept = names[: 3 * BATCH], names[3 * BATCH :]
    drafts = {number: draft(entry_id=name) for number, name in enumerate(names)}
    await services.entries.register_many(EDITOR, drafts)
    for name in purged:
        await services.entries.delete(EDITOR, name)
    environment = {
        "HYPER_REGISTRY_HOME": str(tmp_path),
        "HYPER_REGISTRY_RETENTION__DELETED_DAYS": "0",
        "HYPER_REGISTRY_RETENTION__BATCH_ROWS": str(BATCH),
    }
    row = (
        "select from entry_version"
        " where entry_key = (select entry_key from entry where entry_id = $1)"
    )
    job = Driven(JobKind.PURGE, database, environment, row)

    async def left() -> set[str]:
        async with database.connection() as connection:
            rows = await connection.fetch("select entry_id from entry")
        return {each["entry_id"] for each in rows}

    await job.killed_within(purged[BATCH])
    assert await left() == set(names[BATCH:])
    await job.killed_after(purged[BATCH])
    assert await left() == set(names[2 * BATCH :])
    ended = await job.finished()
    assert (ended.state, ended.attempt, ended.error) == (JobState.SUCCEEDED, 3, None)
    assert await left() == set(kept)
    async with database.connection() as connection:
        told = await connection.fetch("select subject_id from change where operation = 'purge'")
        audited = await connection.fetch("select detail from audit where action = 'entry.purge'")
    assert Counter(each["subject_id"] for each in told) == Counter(purged)
    assert [each["detail"]["purged"] for each in audited] == [BATCH] * 3


def _ring(keys: list[dict[str, str]]) -> KeyRing:
    return KeyRing([(key["id"], b64decode(key["material"])) for key in keys])


async def test_a_killed_rotation_seals_each_entry_anew_once(database: Database, tmp_path: Path):
    keys = [{"id": name, "material": new_key_material()} for name in ("new", "old")]
    services = build_services(database, ring=_ring(keys[1:]))
    names = [f"e{number:04}" for number in range(3 * STEP)]
    drafts = {
        number: draft(
            entry_id=name, metadata={"password": f"secret {name}"}, sensitive=["/password"]
        )
        for number, name in enumerate(names)
    }
    for begin in range(0, len(names), STEP):
        await services.entries.register_many(
            EDITOR, {number: drafts[number] for number in range(begin, begin + STEP)}
        )
    environment = {
        "HYPER_REGISTRY_HOME": str(tmp_path),
        "HYPER_REGISTRY_ENCRYPTION__KEYS": json.dumps(keys),
    }
    row = "select from entry where entry_id = $1"
    job = Driven(JobKind.ROTATE_KEYS, database, environment, row)

    async def sealed() -> dict[str, str]:
        async with database.connection() as connection:
            rows = await connection.fetch("select entry_id, metadata::text as text from entry")
        return {each["entry_id"]: each["text"] for each in rows}

    def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
        return sorted(name for name in names if before[name] != after[name])

    states = [await sealed()]
    await job.killed_within(names[STEP])
    states.append(await sealed())
    await job.killed_after(names[STEP])
    states.append(await sealed())
    ended = await job.finished()
    states.append(await sealed())
    assert (ended.state, ended.attempt, ended.error) == (JobState.SUCCEEDED, 3, None)
    assert [changed(*pair) for pair in pairwise(states)] == [
        names[:STEP],
        names[STEP : 2 * STEP],
        names[2 * STEP :],
    ]
    after = build_services(database, ring=_ring(keys[:1]))
    for name in (names[0], names[STEP], names[-1]):
        revealed = await after.sensitive.reveal(ADMIN, name)
        assert revealed.metadata == {"password": f"secret {name}"}
