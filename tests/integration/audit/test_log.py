import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from hyper_registry.audit.log import AuditLog
from hyper_registry.audit.verification import SealKey
from hyper_registry.domain.audit import AuditFilter, AuditReport, Outcome
from hyper_registry.domain.errors.access import PermissionDeniedError
from hyper_registry.domain.errors.audit import AuditSealingError, AuditTamperedError
from hyper_registry.storage.audit_store import AuditStore
from hyper_registry.storage.database import Database
from hyper_registry.storage.journal_store import JournalStore
from tests.support.database_owner import as_owner
from tests.support.services import ADMIN, EDITOR, build_services, draft

KEY = SealKey(b"a key the database's owner has not")
LONG_AFTER = datetime(2100, 1, 1, tzinfo=UTC)


def _log(database: Database, key: SealKey | None = None) -> AuditLog:
    return AuditLog(database, AuditStore(), JournalStore(), key)


async def _append(database: Database, *targets: str, actor: str = "eve") -> None:
    async with database.transaction() as connection:
        for target in targets:
            await JournalStore().append_audit(
                connection,
                actor=actor,
                action="entry.create",
                target=target,
                request_id="r1",
                before_hash=b"\x00\x01",
                detail={"count": 1.50, "név": ["é", None, True, {"b": 10**18, "a": -0.25}]},
            )


async def _as_owner(dsn: str, *statements: str) -> None:
    """Do what only the owner of the database can do, and no trigger sees."""
    await as_owner(dsn, "set session_replication_role = replica", *statements)


async def _sealed_thrice(database: Database, key: SealKey | None = None) -> AuditLog:
    log = _log(database, key)
    for number in range(3):
        await _append(database, *(f"t{number}-{row}" for row in range(4)))
        assert await log.seal() == 4
    return log


async def _report(log: AuditLog) -> AuditReport:
    return await log.verify(ADMIN)


async def test_an_untouched_log_is_valid_and_counts_what_is_not_sealed_yet(database: Database):
    log = _log(database)
    assert await _report(log) == AuditReport(
        valid=True,
        rows=0,
        seals=0,
        unsealed_rows=0,
        pruned_rows=0,
        head="00" * 32,
        head_no=0,
        faults=(),
    )
    log = await _sealed_thrice(database)
    await _append(database, "late")
    report = await _report(log)
    assert (report.valid, report.rows, report.seals, report.unsealed_rows) == (True, 12, 3, 1)
    assert report.head_no == 3
    assert await log.seal() == 1
    assert await log.seal() == 0


TAMPERING = {
    "an actor": "update audit set actor = 'mallory' where target = 't1-1'",
    "a time": "update audit set occurred_at = occurred_at + interval '1 us' where target = 't1-1'",
    "a null": "update audit set target = null where target = 't1-1'",
    "a hash": "update audit set before_hash = '\\x0002' where target = 't1-1'",
    "a moved byte": "update audit set actor = actor || 'e', action = 'ntry.create'"
    " where target = 't1-1'",
    "a digit of a detail": "update audit set detail ="
    " replace(detail::text, '1000000000000000000', '1000000000000000001')::jsonb"
    " where target = 't1-1'",
    "a removed row": "delete from audit where target = 't1-2'",
    "the removed first row": "delete from audit where target = 't0-0'",
    "an inserted row": "insert into audit (actor, action, outcome, xid)"
    " select 'mallory', 'x', 'ok', xid from audit where target = 't1-1'",
    "a row before all": "insert into audit (actor, action, outcome, xid)"
    " values ('mallory', 'x', 'ok', 1)",
    "exchanged rows": "update audit a set target = b.target from audit b"
    " where a.target in ('t1-1', 't1-2') and b.target in ('t1-1', 't1-2')"
    " and a.audit_no <> b.audit_no",
    "exchanged numbers": "update audit set audit_no = default where target = 't1-1'",
    "a row moved on to another seal": "update audit a set xid = b.xid from audit b"
    " where a.target = 't0-3' and b.target = 't1-0'",
    "a removed seal": "delete from audit_seal where seal_no = 2",
    "the removed first seal": "delete from audit_seal where seal_no = 1",
    "a seal's time": "update audit_seal set sealed_at = sealed_at - interval '1 s'"
    " where seal_no = 2",
    "a seal's count": "update audit_seal set row_count = 5 where seal_no = 2",
    "a seal": "update audit_seal set seal = sha256(seal) where seal_no = 2",
    "a removed tail of rows": "delete from audit where target like 't2-%'",
    "a checkpoint": "insert into audit_checkpoint (seal_no, seal, last_xid, last_no, pruned_rows)"
    " select seal_no, seal, last_xid, last_no, 4 from audit_seal where seal_no = 1",
}


@pytest.mark.parametrize("statement", TAMPERING.values(), ids=TAMPERING.keys())
async def test_tampering_is_found(statement: str, database: Database, dsn: str):
    log = await _sealed_thrice(database)
    await _as_owner(dsn, statement)
    report = await _report(log)
    assert not report.valid
    assert report.faults


async def test_a_fault_names_the_seal_and_what_happened(database: Database, dsn: str):
    log = await _sealed_thrice(database)
    await _as_owner(dsn, TAMPERING["an actor"], "delete from audit where target = 't2-3'")
    assert [(fault.seal_no, fault.reason) for fault in (await _report(log)).faults] == [
        (2, "it or one of its 4 rows was changed"),
        (3, "1 rows were removed"),
    ]


async def test_a_truncated_tail_is_found_by_a_seal_noted_before(database: Database, dsn: str):
    log = await _sealed_thrice(database)
    noted = bytes.fromhex((await _report(log)).head)
    await _append(database, "later")
    await log.seal()
    assert (await log.verify(ADMIN, noted)).valid
    await _as_owner(
        dsn,
        "delete from audit_seal where seal_no >= 3",
        "delete from audit where target like 't2-%' or target = 'later'",
    )
    assert (await _report(log)).valid
    assert [fault.seal_no for fault in (await log.verify(ADMIN, noted)).faults] == [2]


async def test_a_chain_made_anew_by_the_owner_is_found_by_the_key(database: Database, dsn: str):
    log = await _sealed_thrice(database, KEY)
    assert (await _report(log)).valid
    without = await _report(_log(database))
    assert "with a key" in without.faults[0].reason
    wrong = await _report(_log(database, SealKey(b"another")))
    assert len(wrong.faults) == 3
    await _as_owner(dsn, TAMPERING["an actor"], "delete from audit_seal")
    await _log(database).seal()
    assert (await _report(_log(database))).valid
    assert "without the key" in (await _report(log)).faults[0].reason


async def test_a_key_that_came_later_is_demanded_from_then_on(database: Database):
    await _sealed_thrice(database)
    await _append(database, "keyed")
    later = SealKey(KEY.secret, from_seal=4)
    await _log(database, later).seal()
    assert (await _report(_log(database, later))).valid
    assert len((await _report(_log(database, KEY))).faults) == 3


async def test_a_forged_checkpoint_is_found_by_the_key(database: Database, dsn: str):
    log = await _sealed_thrice(database, KEY)
    await _as_owner(
        dsn,
        TAMPERING["a checkpoint"],
        "delete from audit_seal where seal_no = 1",
        "delete from audit where target like 't0-%'",
    )
    assert "checkpoint" in (await _report(log)).faults[0].reason


@pytest.mark.parametrize(
    "statement",
    [
        "update audit set actor = 'mallory'",
        "delete from audit",
        "truncate audit",
        "update audit_seal set row_count = 0",
        "delete from audit_seal",
        "truncate audit_seal",
    ],
)
async def test_the_log_is_append_only(statement: str, database: Database, dsn: str):
    await _sealed_thrice(database)
    async with database.connection() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await as_owner(dsn, statement)


async def test_writers_do_not_wait_and_none_is_skipped_while_sealing(database: Database):
    services = build_services(database)
    logs = [_log(database) for _ in range(3)]
    writing = True

    async def write(writer: int) -> None:
        for number in range(25):
            await services.entries.register(EDITOR, draft(entry_id=f"e{writer}-{number}"))

    async def seal(log: AuditLog) -> None:
        while writing:
            await log.seal()
            await asyncio.sleep(0)

    sealing = [asyncio.create_task(seal(log)) for log in logs]
    await asyncio.gather(*map(write, range(4)))
    writing = False
    await asyncio.gather(*sealing)
    await logs[0].seal()
    report = await _report(logs[0])
    assert (report.valid, report.rows, report.unsealed_rows) == (True, 100, 0)
    assert report.seals > 1


async def test_a_late_commit_is_sealed_in_its_place(database: Database, dsn: str):
    log = _log(database)
    late = await asyncpg.connect(dsn)
    insert = "insert into audit (actor, action, outcome) values ('late', 'x', 'ok')"
    try:
        held_open = late.transaction()
        await held_open.start()
        await late.execute(insert)
        await _append(database, "early")
        assert await log.seal() == 0
        assert (await _report(log)).unsealed_rows == 1
        await held_open.commit()
    finally:
        await late.close()
    assert await log.seal() == 2
    assert (await _report(log)).valid


async def test_a_log_larger_than_a_seal_is_sealed_whole(database: Database):
    log = _log(database)
    await _append(database, *(f"t{number}" for number in range(1_203)))
    assert await log.seal() == 1_203
    report = await _report(log)
    assert (report.valid, report.rows, report.seals) == (True, 1_203, 3)


@pytest.mark.parametrize("key", [None, KEY])
async def test_pruning_leaves_a_log_that_verifies(key: SealKey | None, database: Database):
    log = await _sealed_thrice(database, key)
    head = bytes.fromhex((await _report(log)).head)
    await _append(database, "kept, for it is not sealed")
    assert await log.prune(ADMIN, LONG_AFTER, request_id="r9") == 12
    report = await log.verify(ADMIN, head)
    assert (report.valid, report.rows, report.pruned_rows) == (True, 0, 12)
    assert (report.unsealed_rows, report.head_no) == (2, 3)
    await log.seal()
    (pruning, kept) = (await log.page(ADMIN, AuditFilter(), None, 10)).items
    assert (pruning.action, pruning.target, pruning.request_id) == ("audit.prune", "3", "r9")
    assert pruning.before_hash == head.hex()
    assert kept.target == "kept, for it is not sealed"
    report = await log.verify(ADMIN, head)
    assert (report.valid, report.rows, report.seals, report.head_no) == (True, 2, 1, 4)


async def test_pruning_takes_old_seals_only(database: Database):
    log = await _sealed_thrice(database)
    async with database.connection() as connection:
        second = await connection.fetchval("select sealed_at from audit_seal where seal_no = 2")
    assert await log.prune(ADMIN, second) == 4
    report = await _report(log)
    assert (report.valid, report.seals, report.rows) == (True, 2, 8)
    assert await log.prune(ADMIN, second - timedelta(days=1)) == 0


async def test_rows_put_before_a_checkpoint_are_found(database: Database, dsn: str):
    log = await _sealed_thrice(database)
    await log.prune(ADMIN, LONG_AFTER)
    await _as_owner(dsn, TAMPERING["a row before all"])
    assert "before the checkpoint" in (await _report(log)).faults[0].reason


async def test_what_was_tampered_with_is_not_pruned(database: Database, dsn: str):
    log = await _sealed_thrice(database)
    await _as_owner(dsn, TAMPERING["a removed row"])
    with pytest.raises(AuditTamperedError, match="seal 2: 1 rows were removed"):
        await log.prune(ADMIN, LONG_AFTER)


async def test_transaction_ids_that_restarted_are_told_not_sealed(database: Database, dsn: str):
    log = await _sealed_thrice(database)
    await _as_owner(dsn, "update audit_seal set last_xid = last_xid + 1000000 where seal_no = 3")
    with pytest.raises(AuditSealingError, match="restored into another server"):
        await log.seal()


async def test_pages_and_filters(database: Database):
    log = _log(database)
    await _append(database, "a", "b", "c", "a")
    await _append(database, "a", actor="mia")
    first = await log.page(ADMIN, AuditFilter(), None, 3)
    rest = await log.page(ADMIN, AuditFilter(), first.next_before, 3)
    assert [row.target for row in first.items + rest.items] == ["a", "a", "c", "b", "a"]
    assert rest.next_before is None

    async def count(**fields: object) -> int:
        wanted = AuditFilter.model_validate(fields)
        exported = [row async for page in log.export(ADMIN, wanted) for row in page]
        listed = (await log.page(ADMIN, wanted, None, 100)).items
        assert sorted(row.audit_no for row in exported) == [r.audit_no for r in listed[::-1]]
        return len(exported)

    assert await count() == 5
    assert await count(actor="mia") == 1
    assert await count(target="a") == 3
    assert await count(action="entry.delete") == 0
    assert await count(outcome=Outcome.OK) == 5
    assert await count(outcome=Outcome.DENIED) == 0
    assert await count(since=first.items[0].occurred_at) == 1
    assert await count(until=first.items[0].occurred_at) == 4


async def test_only_administrators_read_the_log(database: Database):
    log = _log(database)
    with pytest.raises(PermissionDeniedError):
        await log.page(EDITOR, AuditFilter(), None, 10)
    with pytest.raises(PermissionDeniedError):
        await anext(log.export(EDITOR, AuditFilter()))
    with pytest.raises(PermissionDeniedError):
        await log.verify(EDITOR)
    with pytest.raises(PermissionDeniedError):
        await log.prune(EDITOR, LONG_AFTER)
