"""Reads and writes of entries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from hyper_registry.domain.entry import (
    ComplianceStatus,
    Entry,
    EntryDraft,
    SecurityContext,
    Visibility,
)
from hyper_registry.domain.entry_status import EntryStatus
from hyper_registry.domain.entry_version import DeletedEntry
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.errors.identity import HandleTakenError, UnknownNamespaceError
from hyper_registry.domain.errors.input import UnknownCategoryError
from hyper_registry.domain.handle import namespace_of
from hyper_registry.domain.identifiers import EntryId, EntryKey
from hyper_registry.domain.lifecycle import Deprecation
from hyper_registry.domain.sealing import shown
from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("entry")


class WrittenEntry(NamedTuple):
    """What a write gave back, in the order of the columns that it returns."""

    key: EntryKey
    version: int
    created_at: datetime
    updated_at: datetime
    created_by: str

    def entry(self, entry_id: EntryId, draft: EntryDraft, checksum: bytes, actor: str) -> Entry:
        """Return the entry that `actor` wrote from `draft`, whose fields are not checked again."""
        fields: dict[str, Any] = {name: getattr(draft, name) for name in EntryDraft.model_fields}
        fields |= {"entry_id": entry_id, "metadata": shown(draft.metadata), "sensitive": ()}
        return Entry.model_construct(
            **fields,
            checksum_hex=checksum.hex(),
            version=self.version,
            embedded=False,
            created_at=self.created_at,
            updated_at=self.updated_at,
            created_by=self.created_by,
            updated_by=actor,
        )


@dataclass(frozen=True, slots=True)
class LockedEntry:
    """What a writer needs to know of the entry it holds."""

    key: EntryKey
    version: int
    checksum: bytes
    category: str
    status: EntryStatus
    metadata: dict[str, Any]
    assessed_status: ComplianceStatus | None
    handle: str | None
    deleted_at: datetime | None

    @property
    def namespace(self) -> str | None:
        """The form of the namespace that the entry is in."""
        return namespace_of(self.handle)


@dataclass(frozen=True, slots=True)
class KeyedEntry:
    """An entry with its internal key."""

    key: EntryKey
    entry: Entry


@dataclass(frozen=True, slots=True)
class EndOfRelationship:
    """What relating an entry needs to know of it."""

    key: EntryKey
    category: str
    namespace: str | None


class EntryStore:
    """Entries in Postgres; takes a connection and never commits."""

    async def insert(
        self,
        connection: Connection,
        entry_id: EntryId,
        draft: EntryDraft,
        actor: str,
        grants: list[str] | None,
    ) -> WrittenEntry | None:
        """Insert an entry, or let a deleted one of this id that `grants` may see live again.

        Returns
        -------
        WrittenEntry or None
            None if the id is taken, or is that of a deleted entry with another handle.

        Raises
        ------
        UnknownCategoryError, UnknownNamespaceError
            If the category or the namespace does not exist; the transaction is lost then.
        HandleTakenError
            If the handle is, or was, another entry's; the transaction is lost then.
        """
        try:
            row = await connection.fetchrow(
                _SQL["insert_entry"], entry_id, *_columns(draft, actor), grants
            )
        except asyncpg.IntegrityConstraintViolationError as error:
            raise refused_name(error, draft) from error
        return None if row is None else WrittenEntry(*row)

    async def update(
        self,
        connection: Connection,
        key: EntryKey,
        draft: EntryDraft,
        actor: str,
        *,
        restored_from: int | None = None,
    ) -> WrittenEntry:
        """Replace what people write of the entry that the transaction has locked.

        Parameters
        ----------
        restored_from
            The version that `draft` is of, if this brings one back.

        Raises
        ------
        UnknownCategoryError, UnknownNamespaceError
            If the category or the namespace does not exist; the transaction is lost then.
        HandleTakenError
            If the handle is, or was, another entry's; the transaction is lost then.
        """
        try:
            row = await connection.fetchrow(
                _SQL["update_entry"], key, *_columns(draft, actor), restored_from
            )
        except asyncpg.IntegrityConstraintViolationError as error:
            raise refused_name(error, draft) from error
        if row is None:
            msg = f"entry key {key} vanished while it was locked"
            raise LookupError(msg)
        return WrittenEntry(*row)

    async def delete(self, connection: Connection, key: EntryKey, actor: str) -> int:
        """Mark the locked entry deleted and return its last version."""
        version: int = await connection.fetchval(_SQL["delete_entry"], key, actor)
        return version

    async def undelete(self, connection: Connection, key: EntryKey, actor: str) -> None:
        """Let the locked entry live again as it was."""
        await connection.execute(_SQL["undelete_entry"], key, actor)

    async def list_deleted(
        self,
        connection: Connection,
        grants: list[str] | None,
        *,
        after: tuple[datetime, str] | None,
        limit: int,
    ) -> list[DeletedEntry]:
        """Read deleted entries that `grants` could see, the latest deletion first.

        Parameters
        ----------
        after
            Time of deletion and id of the last one seen.
        """
        deleted_at, entry_id = after or (None, None)
        rows = await connection.fetch(_SQL["list_deleted"], grants, deleted_at, entry_id, limit)
        return [DeletedEntry(**dict(row)) for row in rows]

    async def fetch(
        self, connection: Connection, entry_id: str, grants: list[str] | None, model_id: str
    ) -> KeyedEntry | None:
        """Read a living entry that `grants` may see."""
        row = await connection.fetchrow(_SQL["fetch_entry"], entry_id, grants, model_id)
        return None if row is None else keyed_entry(row)

    async def lock(
        self,
        connection: Connection,
        entry_id: str,
        grants: list[str] | None,
        *,
        deleted: bool = False,
    ) -> LockedEntry | None:
        """Hold a living, or a deleted, entry that `grants` may see until the transaction ends."""
        row = await connection.fetchrow(_SQL["lock_entry"], entry_id, grants, deleted)
        if row is None:
            return None
        return LockedEntry(
            key=EntryKey(row["entry_key"]),
            version=row["version"],
            checksum=bytes(row["checksum"]),
            category=row["category"],
            status=EntryStatus(row["status"]),
            metadata=row["metadata"],
            assessed_status=optional_status(row["assessed_status"]),
            handle=row["handle"],
            deleted_at=row["deleted_at"],
        )

    async def fetch_keys(
        self, connection: Connection, entry_ids: Sequence[str], grants: list[str] | None
    ) -> dict[str, EntryKey]:
        """Resolve ids to keys; ids that `grants` may not see are absent."""
        rows = await connection.fetch(_SQL["fetch_keys"], list(entry_ids), grants)
        return {row["entry_id"]: EntryKey(row["entry_key"]) for row in rows}

    async def fetch_ends(
        self, connection: Connection, entry_ids: Sequence[str], grants: list[str] | None
    ) -> dict[str, EndOfRelationship]:
        """Resolve ids to what relating them needs; ids that `grants` may not see are absent."""
        rows = await connection.fetch(_SQL["fetch_keys"], list(entry_ids), grants)
        return {
            row["entry_id"]: EndOfRelationship(
                EntryKey(row["entry_key"]), row["category"], namespace_of(row["handle"])
            )
            for row in rows
        }

    async def fetch_version_metadata(
        self, connection: Connection, key: EntryKey, version: int
    ) -> dict[str, Any]:
        """Read the metadata of a version as it is stored, sealed values included."""
        metadata: dict[str, Any] = await connection.fetchval(
            _SQL["fetch_version_metadata"], key, version
        )
        return metadata


def optional_status(value: str | None) -> ComplianceStatus | None:
    """Return what a column tells that is null for entries without assessments."""
    return None if value is None else ComplianceStatus(value)


def keyed_entry(row: asyncpg.Record) -> KeyedEntry:
    """Build an entry from a row of the columns that `fetch_entry` names.

    Its fields were checked when they were written, so they are not checked at every read.
    """
    entry = Entry.model_construct(
        entry_id=EntryId(row["entry_id"]),
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
        version=row["version"],
        embedded=row["embedded"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        accessed_at=row["accessed_at"],
        created_by=row["created_by"],
        updated_by=row["updated_by"],
    )
    return KeyedEntry(EntryKey(row["entry_key"]), entry)


def _columns(draft: EntryDraft, actor: str) -> tuple[Any, ...]:
    return (
        draft.category,
        draft.title,
        draft.description,
        draft.status.value,
        draft.owner,
        list(draft.tags),
        draft.metadata,
        draft.compliance_status.value,
        draft.security.visibility.value,
        list(draft.security.readers),
        draft.readers,
        draft.checksum,
        draft.embedding_input_hash,
        None if draft.deprecation is None else draft.deprecation.model_dump(mode="json"),
        actor,
        draft.handle,
        draft.handle_form,
    )


def refused_name(
    error: asyncpg.IntegrityConstraintViolationError, draft: EntryDraft
) -> RegistryError | asyncpg.IntegrityConstraintViolationError:
    """Return what a write of `draft` was refused for: its category, or its handle."""
    match error.constraint_name:
        case "entry_category_fkey":
            return UnknownCategoryError(draft.category, ())
        case "entry_name_namespace_fkey":
            return UnknownNamespaceError(draft.namespace or "")
        case "entry_name_pkey":
            return HandleTakenError(draft.handle or "")
        case _:
            return error
