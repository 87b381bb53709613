"""The audit log in Postgres: read, sealed and pruned."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from hyper_registry.domain.audit import (
    AuditFilter,
    AuditPosition,
    AuditRow,
    Checkpoint,
    Replacement,
    Seal,
    SealHead,
)
from hyper_registry.domain.person import Person
from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("audit")

_SEALER_LOCK = 7_134_902_511
_PREFETCHED = 500


class AuditStore:
    """Audit rows and seals; takes a connection and never commits."""

    async def try_lead(self, connection: Connection) -> bool:
        """Become the one transaction that seals or prunes; False where another one does."""
        leads: bool = await connection.fetchval(_SQL["try_lead"], _SEALER_LOCK)
        return leads

    async def lead(self, connection: Connection) -> None:
        """Wait to become the one transaction that seals or prunes."""
        await connection.execute(_SQL["lead"], _SEALER_LOCK)

    async def fetch_head(self, connection: Connection) -> SealHead:
        """Return the end of the chain."""
        row = await connection.fetchrow(_SQL["fetch_head"])
        return SealHead() if row is None else _head(row)

    async def fetch_horizon(self, connection: Connection) -> int:
        """Return the transaction below which all have ended."""
        horizon: int = await connection.fetchval(_SQL["fetch_horizon"])
        return horizon

    async def fetch_unsealed(
        self, connection: Connection, after: AuditPosition, limit: int
    ) -> list[AuditRow]:
        """Read rows after a position that nothing can precede any more."""
        rows = await connection.fetch(_SQL["fetch_unsealed"], after.xid, after.audit_no, limit)
        return [_row(row) for row in rows]

    async def insert_seal(self, connection: Connection, seal: Seal) -> None:
        """Append a seal."""
        await connection.execute(
            _SQL["insert_seal"],
            seal.seal_no,
            seal.previous,
            seal.seal,
            seal.keyed,
            seal.last.xid,
            seal.last.audit_no,
            seal.row_count,
            seal.sealed_at,
            seal.personal,
        )

    async def stream_rows(self, connection: Connection) -> AsyncGenerator[AuditRow]:
        """Yield all rows in the order in which they are sealed; needs a transaction."""
        async for row in connection.cursor(_SQL["stream_rows"], prefetch=_PREFETCHED):
            yield _row(row)

    async def stream_seals(
        self, connection: Connection, up_to: int | None = None
    ) -> AsyncGenerator[Seal]:
        """Yield the seals from the oldest on; needs a transaction."""
        async for row in connection.cursor(_SQL["stream_seals"], up_to, prefetch=_PREFETCHED):
            yield _seal(row)

    async def fetch_checkpoint(self, connection: Connection) -> Checkpoint | None:
        """Return where the chain begins; None if nothing was ever pruned."""
        row = await connection.fetchrow(_SQL["fetch_checkpoint"])
        if row is None:
            return None
        mac = None if row["mac"] is None else bytes(row["mac"])
        return Checkpoint(_head(row), mac, row["pruned_rows"])

    async def fetch_prunable(
        self, connection: Connection, before: datetime, most_seals: int
    ) -> Seal | None:
        """Return the seal up to which a step of pruning goes; None if there is nothing to prune."""
        row = await connection.fetchrow(_SQL["fetch_prunable"], before, most_seals)
        return None if row is None else _seal(row)

    async def prune(self, connection: Connection, seal_no: int, mac: bytes | None) -> int:
        """Remove what seals up to `seal_no` cover, and return how many rows that were."""
        pruned: int = await connection.fetchval(_SQL["prune"], seal_no, mac)
        return pruned

    async def fetch_page(
        self, connection: Connection, wanted: AuditFilter, before: int | None, limit: int
    ) -> list[AuditRow]:
        """Read rows by filters, newest first."""
        rows = await connection.fetch(
            _SQL["fetch_page"],
            wanted.actor,
            wanted.action,
            wanted.target,
            wanted.outcome,
            wanted.since,
            wanted.until,
            before,
            limit,
        )
        return [_row(row) for row in rows]

    async def export_page(
        self, connection: Connection, wanted: AuditFilter, after: AuditPosition, limit: int
    ) -> list[AuditRow]:
        """Read rows by filters in the order in which they are sealed."""
        rows = await connection.fetch(
            _SQL["export_page"],
            after.xid,
            after.audit_no,
            limit,
            wanted.actor,
            wanted.action,
            wanted.target,
            wanted.outcome,
            wanted.since,
            wanted.until,
        )
        return [_row(row) for row in rows]

    async def fetch_replacements(self, connection: Connection) -> dict[int, Replacement]:
        """Return what the rows of seals are since persons were erased, by the seal's number."""
        rows = await connection.fetch(_SQL["list_replacements"])
        return {
            row["seal_no"]: Replacement(row["seal_no"], bytes(row["digest"]), row["keyed"])
            for row in rows
        }

    async def erase_names(
        self,
        connection: Connection,
        person: Person,
        kept_ids: Sequence[str],
        checksums: Mapping[bytes, bytes],
    ) -> list[AuditPosition]:
        """Replace a person in all rows and return the positions of those that changed.

        Parameters
        ----------
        kept_ids
            Entries whose ids hold a name: a target that is one stays.
        checksums
            Of content that the person was erased from, the present ones by the former ones.
        """
        rows = await connection.fetch(
            _SQL["erase_names"],
            list(person.names),
            person.pseudonym,
            person.sql_pattern,
            person.sql_mention,
            list(kept_ids),
            list(checksums),
            list(checksums.values()),
        )
        return [AuditPosition(row["changed_xid"], row["changed_no"]) for row in rows]

    async def fetch_rows_between(
        self, connection: Connection, after: AuditPosition, up_to: AuditPosition
    ) -> list[AuditRow]:
        """Read the rows of one seal."""
        rows = await connection.fetch(
            _SQL["fetch_rows_between"], after.xid, after.audit_no, up_to.xid, up_to.audit_no
        )
        return [_row(row) for row in rows]

    async def put_replacement(self, connection: Connection, replacement: Replacement) -> None:
        """Note what the rows of a seal are from now on."""
        await connection.execute(
            _SQL["put_replacement"], replacement.seal_no, replacement.digest, replacement.keyed
        )

    async def append_gathered(
        self, connection: Connection, operations: Sequence[Mapping[str, Any]]
    ) -> None:
        """Append operations that were gathered in memory."""
        await connection.execute(_SQL["append_gathered"], orjson.dumps(list(operations)).decode())


def _head(row: asyncpg.Record) -> SealHead:
    return SealHead(
        row["seal_no"], bytes(row["seal"]), AuditPosition(row["last_xid"], row["last_no"])
    )


def _seal(row: asyncpg.Record) -> Seal:
    return Seal(
        row["seal_no"],
        bytes(row["previous"]),
        bytes(row["seal"]),
        row["keyed"],
        AuditPosition(row["last_xid"], row["last_no"]),
        row["row_count"],
        row["sealed_at"],
        None if row["personal"] is None else bytes(row["personal"]),
    )


def _row(row: asyncpg.Record) -> AuditRow:
    return AuditRow(
        AuditPosition(row["xid"], row["audit_no"]),
        row["occurred_at"],
        row["actor"],
        row["action"],
        row["target"],
        row["outcome"],
        row["request_id"],
        row["before_hash"],
        row["after_hash"],
        row["detail"],
        row["salt"],
    )
