"""The change log and the audit log: what happened is appended with what it did."""

from collections.abc import Mapping
from typing import Any

from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("journal")


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
