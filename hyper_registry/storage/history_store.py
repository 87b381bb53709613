"""Reads of what entries were: every version, the present one included."""

from datetime import datetime

import asyncpg

from hyper_registry.domain.entry import (
    ComplianceStatus,
    SecurityContext,
    Visibility,
)
from hyper_registry.domain.entry_status import EntryStatus
from hyper_registry.domain.entry_version import EntryVersion
from hyper_registry.domain.identifiers import EntryId, EntryKey
from hyper_registry.domain.lifecycle import Deprecation
from hyper_registry.domain.sealing import shown
from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("history")


class HistoryStore:
    """Versions of entries in Postgres; takes a connection and never commits.

    What `grants` may not see is absent: of an entry whose present version they may not see, the
    last one if it is deleted, everything; of another, the versions they could not have seen.
    """

    async def list_versions(
        self,
        connection: Connection,
        entry_id: str,
        grants: list[str] | None,
        *,
        before: int | None,
        limit: int,
    ) -> list[EntryVersion]:
        """Read up to `limit` versions below `before`, newest first."""
        rows = await connection.fetch(_SQL["list_versions"], entry_id, grants, before, limit)
        return [_version(row) for row in rows]

    async def fetch_version(
        self, connection: Connection, entry_id: str, grants: list[str] | None, version: int
    ) -> EntryVersion | None:
        """Read one version."""
        row = await connection.fetchrow(_SQL["fetch_version"], entry_id, grants, version)
        return None if row is None else _version(row)

    async def fetch_as_of(
        self, connection: Connection, entry_id: str, grants: list[str] | None, moment: datetime
    ) -> EntryVersion | None:
        """Read the version of a moment; None before the entry was."""
        row = await connection.fetchrow(_SQL["fetch_as_of"], entry_id, grants, moment)
        return None if row is None else _version(row)

    async def fetch_key_as_of(
        self, connection: Connection, entry_id: str, grants: list[str] | None, moment: datetime
    ) -> tuple[EntryKey | None, bool]:
        """Resolve an id, and tell whether the entry lived at `moment` for `grants` to see."""
        row = await connection.fetchrow(_SQL["fetch_key_as_of"], entry_id, grants, moment)
        return (None, False) if row is None else (EntryKey(row["entry_key"]), row["lived"])


def _version(row: asyncpg.Record) -> EntryVersion:
    """Build a version, whose fields were checked when it was written."""
    return EntryVersion.model_construct(
        entry_id=EntryId(row["entry_id"]),
        version=row["version"],
        handle=row["handle"],
        category=row["category"],
        title=row["title"],
        description=row["description"],
        status=EntryStatus(row["status"]),
        owner=row["owner"],
        tags=tuple(row["tags"]),
        metadata=shown(row["metadata"]),
        compliance_status=ComplianceStatus(row["compliance_status"]),
        deprecation=None
        if row["deprecation"] is None
        else Deprecation.model_validate(row["deprecation"]),
        security=SecurityContext.model_construct(
            visibility=Visibility(row["visibility"]), readers=tuple(row["granted"])
        ),
        checksum_hex=bytes(row["checksum"]).hex(),
        actor=row["actor"],
        valid_from=row["valid_from"],
        superseded_at=row["superseded_at"],
        deleted=row["deleted"],
        restored_from=row["restored_from"],
        created_at=row["created_at"],
        created_by=row["created_by"],
    )
