"""The change log and the audit log: what happened is appended with what it did."""

from collections.abc import Mapping
from typing import Any

from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("journal")


class JournalStore:
    """Change and audit rows in Postgres; takes a connection and never commits.

    Triggers write the change rows, together with what they tell of.
    """

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
