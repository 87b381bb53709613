"""The change log and the audit log: what happened, in an order no reader can miss."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("journal")


@dataclass(frozen=True, slots=True, order=True)
class ChangePosition:
    """A place in the change log: everything at or before it has been read."""

    xid: int = 0
    change_no: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an entry or a relationship."""

    position: ChangePosition
    subject: str
    subject_id: str
    operation: str
    version: int
    actor: str
    occurred_at: datetime


class JournalStore:
    """Change and audit rows in Postgres; takes a connection and never commits."""

    async def append_change(
        self,
        connection: Connection,
        *,
        subject: str,
        key: int,
        subject_id: str,
        operation: str,
        version: int,
        actor: str,
    ) -> None:
        """Append one change to the log."""
        await connection.execute(
            _SQL["insert_change"], subject, key, subject_id, operation, version, actor
        )

    async def fetch_changes(
        self, connection: Connection, after: ChangePosition, limit: int
    ) -> list[Change]:
        """Read the changes after a position, oldest first.

        A change is held back until no transaction that could precede it is running, so a reader
        who continues from the last position it saw misses none.
        """
        rows = await connection.fetch(_SQL["fetch_changes"], after.xid, after.change_no, limit)
        return [
            Change(
                position=ChangePosition(row["xid"], row["change_no"]),
                subject=row["subject"],
                subject_id=row["subject_id"],
                operation=row["operation"],
                version=row["version"],
                actor=row["actor"],
                occurred_at=row["occurred_at"],
            )
            for row in rows
        ]

    async def append_audit(
        self,
        connection: Connection,
        *,
        actor: str,
        action: str,
        target: str | None,
        outcome: str = "ok",
        request_id: str | None = None,
        before_hash: bytes | None = None,
        after_hash: bytes | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Append one operation to the audit log."""
        await connection.execute(
            _SQL["insert_audit"],
            actor,
            action,
            target,
            outcome,
            request_id,
            before_hash,
            after_hash,
            detail or {},
        )
