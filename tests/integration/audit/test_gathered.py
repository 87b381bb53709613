from typing import Any

from hyper_registry.audit.gathered import GatheredOperations, Operation
from hyper_registry.domain.audit import Outcome
from hyper_registry.storage.audit_store import AuditStore
from hyper_registry.storage.database import Database


def _denied(target: str | None, actor: str = "anonymous") -> Operation:
    return Operation(actor, "GET /search", target, Outcome.DENIED, "unauthenticated")


async def _rows(database: Database) -> list[tuple[Any, ...]]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "select actor, action, target, outcome, request_id, detail from audit order by audit_no"
        )
    return [tuple(row) for row in rows]


async def test_equal_refusals_become_one_row_with_their_count(database: Database):
    gathered = GatheredOperations(database, AuditStore(), per_minute=10)
    for number in range(5):
        gathered.record(_denied(None), f"r{number}")
    gathered.record(_denied("x\0\ud800" + "y" * 500), None)
    await gathered.flush()
    await gathered.flush()
    code = {"code": "unauthenticated"}
    assert await _rows(database) == [
        ("anonymous", "GET /search", None, "denied", "r0", code | {"count": 5}),
        ("anonymous", "GET /search", "x\\0\\ud800" + "y" * 197, "denied", None, code),
    ]


async def test_a_flood_of_different_refusals_is_counted_not_kept(database: Database):
    now = 0.0
    gathered = GatheredOperations(database, AuditStore(), per_minute=3, clock=lambda: now)
    for number in range(1_000):
        gathered.record(_denied(str(number)), None)
    await gathered.flush()
    gathered.record(_denied("again"), None)
    await gathered.flush()
    now = 60.0
    gathered.record(_denied("next minute"), None)
    await gathered.flush()
    assert [(row[2], row[5].get("count")) for row in await _rows(database)] == [
        ("0", None),
        ("1", None),
        ("2", None),
        (None, 997),
        (None, None),
        ("next minute", None),
    ]


async def test_what_cannot_be_written_is_kept_for_the_next_flush(database: Database, dsn: str):
    away = Database(dsn, min_size=1)
    gathered = GatheredOperations(away, AuditStore(), per_minute=1)
    gathered.record(_denied("a"), None)
    gathered.record(_denied("b"), None)
    await gathered.flush()
    gathered.record(_denied("a"), None)
    await away.open()
    await gathered.flush()
    await away.close()
    assert [(row[2], row[5].get("count")) for row in await _rows(database)] == [
        ("a", 2),
        (None, None),
    ]
