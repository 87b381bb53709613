"""Metadata in its stored form, with the values that are sealed."""

from dataclasses import dataclass
from typing import Any

from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.identifiers import EntryId, EntryKey
from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("sensitive")


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry with its metadata as it is stored."""

    key: EntryKey
    entry_id: EntryId
    draft: EntryDraft


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version of an entry with its metadata as it is stored."""

    key: EntryKey
    version: int
    entry_id: EntryId
    draft: EntryDraft


class SensitiveStore:
    """Sealed metadata in Postgres; takes a connection and never commits."""

    async def fetch(
        self, connection: Connection, entry_id: str, grants: list[str] | None
    ) -> dict[str, Any] | None:
        """Read the stored metadata of a living entry that `grants` may see."""
        metadata: dict[str, Any] | None = await connection.fetchval(
            _SQL["fetch_stored"], entry_id, grants
        )
        return metadata

    async def lock_entries(
        self, connection: Connection, after: int, limit: int
    ) -> list[StoredEntry]:
        """Hold entries with sealed values, by rising key from after `after` on."""
        stored: list[StoredEntry] = []
        for row in await connection.fetch(_SQL["lock_sealed"], after, limit):
            fields = dict(row)
            key = EntryKey(fields.pop("entry_key"))
            stored.append(StoredEntry(key, EntryId(row["entry_id"]), _draft(fields)))
        return stored

    async def reseal_entry(
        self, connection: Connection, key: EntryKey, metadata: dict[str, Any], checksum: bytes
    ) -> None:
        """Store the same content of a held entry under another key."""
        await connection.execute(_SQL["reseal_entry"], key, metadata, checksum)

    async def lock_versions(
        self, connection: Connection, after: tuple[int, int], limit: int
    ) -> list[StoredVersion]:
        """Hold versions with sealed values, by rising key and version from `after` on."""
        stored: list[StoredVersion] = []
        for row in await connection.fetch(_SQL["lock_sealed_versions"], *after, limit):
            fields = dict(row)
            key, version = EntryKey(fields.pop("entry_key")), fields.pop("version")
            stored.append(StoredVersion(key, version, EntryId(row["entry_id"]), _draft(fields)))
        return stored

    async def reseal_version(
        self,
        connection: Connection,
        held: StoredVersion,
        metadata: dict[str, Any],
        checksum: bytes,
    ) -> None:
        """Store the same content of a held version under another key."""
        await connection.execute(_SQL["reseal_version"], held.key, held.version, metadata, checksum)

    async def count(self, connection: Connection) -> int:
        """Count entries and versions with sealed values."""
        count: int = await connection.fetchval(_SQL["count_sealed"])
        return count


def _draft(fields: dict[str, Any]) -> EntryDraft:
    security = {"visibility": fields.pop("visibility"), "readers": fields.pop("granted")}
    return EntryDraft.model_validate(fields | {"security": security})
