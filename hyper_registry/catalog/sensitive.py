"""Sensitive metadata: revealed to those who may see it, and sealed anew when keys change."""

from dataclasses import dataclass
from typing import Any

import orjson

from hyper_registry.catalog.entries import EntryService
from hyper_registry.domain.entry import Entry, EntryDraft
from hyper_registry.domain.errors.entry import EntryNotFoundError
from hyper_registry.domain.errors.types import SealedFieldError
from hyper_registry.domain.identifiers import EntryId
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.domain.sealing import KeyRing, envelopes, opened, sealed
from hyper_registry.storage.database import Database
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.sensitive_store import SensitiveStore


class SensitiveService:
    """Reads of sealed metadata in clear, each with an audit row."""

    def __init__(
        self,
        database: Database,
        entries: EntryService,
        sensitive: SensitiveStore,
        journal: JournalStore,
        ring: KeyRing | None,
    ) -> None:
        self._database = database
        self._entries = entries
        self._sensitive = sensitive
        self._journal = journal
        self._ring = ring

    async def reveal(
        self, principal: Principal, entry_id: str, *, request_id: str | None = None
    ) -> Entry:
        """Read an entry with its sealed values in clear.

        Raises
        ------
        PermissionDeniedError
            If the caller is no administrator, whether the entry exists or not.
        EntryNotFoundError
            If there is no such entry.
        SealedFieldError
            If a value does not open.
        """
        principal.require(Role.ADMIN, "see sensitive metadata")
        async with self._database.transaction() as connection:
            entry = await self._entries.hold(connection, principal, entry_id)
            stored = await self._sensitive.fetch(connection, entry_id, principal.grants)
            if stored is None:
                raise EntryNotFoundError(entry_id)
            places = sorted(envelopes(stored))
            if not places:
                return entry
            if self._ring is None:
                raise SealedFieldError(
                    f"metadata{places[0]}",
                    "is sealed, and no key is configured",
                    "Set 'encryption.keys'.",
                )
            clear = opened(self._ring, entry_id, stored)
            # Written before the answer is given: what cannot be recorded is not revealed.
            await self._journal.append_audit(
                connection,
                actor=principal.name,
                action="entry.reveal",
                target=entry_id,
                request_id=request_id,
                detail={"fields": places},
            )
        return entry.model_copy(update={"metadata": clear})


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a step of a rotation did.

    Attributes
    ----------
    seen
        Rows that the step looked at; none means that the pass is over.
    resealed
        Those of them that were sealed with another key.
    after
        Where the next step goes on.
    """

    seen: int
    resealed: int
    after: tuple[int, int]


class KeyRotation:
    """Seals with the active key what other keys have sealed, in steps of one transaction each.

    Entries first, then the versions of their history; both by rising key, so a pass that was
    broken off goes on where it was, and one that begins anew finds nothing to do.
    """

    def __init__(self, database: Database, sensitive: SensitiveStore, ring: KeyRing) -> None:
        self._database = database
        self._sensitive = sensitive
        self._ring = ring

    async def count(self) -> int:
        """Count what the two passes look at."""
        async with self._database.connection() as connection:
            return await self._sensitive.count(connection)

    async def entries(self, after: int, limit: int) -> Rotated:
        """Rotate up to `limit` entries with keys after `after`.

        Raises
        ------
        SealedFieldError
            If a value does not open, naming the entry; the step is undone then.
        """
        resealed = 0
        async with self._database.transaction() as connection:
            page = await self._sensitive.lock_entries(connection, after, limit)
            for held in page:
                if not self._is_stale(held.draft.metadata):
                    continue
                metadata, checksum = self._again(held.entry_id, held.draft)
                await self._sensitive.reseal_entry(connection, held.key, metadata, checksum)
                resealed += 1
        return Rotated(len(page), resealed, (page[-1].key if page else after, 0))

    async def versions(self, after: tuple[int, int], limit: int) -> Rotated:
        """Rotate up to `limit` versions after `after`, a key and a version.

        Raises
        ------
        SealedFieldError
            See `entries`.
        """
        resealed = 0
        async with self._database.transaction() as connection:
            page = await self._sensitive.lock_versions(connection, after, limit)
            for held in page:
                if self._is_stale(held.draft.metadata):
                    metadata, checksum = self._again(held.entry_id, held.draft)
                    await self._sensitive.reseal_version(connection, held, metadata, checksum)
                    resealed += 1
        return Rotated(len(page), resealed, (page[-1].key, page[-1].version) if page else after)

    def _is_stale(self, stored: dict[str, Any]) -> bool:
        return any(envelope["key"] != self._ring.active for envelope in envelopes(stored).values())

    def _again(self, entry_id: EntryId, stored: EntryDraft) -> tuple[dict[str, Any], bytes]:
        """Return the metadata sealed with the active key, and the checksum under it."""
        try:
            clear = opened(self._ring, entry_id, stored.metadata)
        except SealedFieldError as error:
            raise SealedFieldError(
                f"{entry_id} {error.subject}", error.reason, error.remedy
            ) from error
        metadata = sealed(self._ring, entry_id, clear, envelopes(stored.metadata))
        content = stored.model_copy(update={"metadata": clear}).canonical_content
        checksum = self._ring.checksum(
            content + orjson.dumps(sorted(envelopes(metadata))), self._ring.active
        )
        assert checksum is not None
        return metadata, checksum
