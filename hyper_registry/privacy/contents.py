"""Erasing a person from what entries and their versions say, sealed values included."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.errors.types import SealedFieldError
from hyper_registry.domain.metadata_schema import escaped, pointer_parts
from hyper_registry.domain.person import Person
from hyper_registry.domain.sealing import SEALED, KeyRing, envelopes, opened, sealed, shown
from hyper_registry.storage.database import Connection
from hyper_registry.storage.erasure_store import ErasureStore, HeldContent

_TOGETHER = 500


@dataclass(slots=True)
class ErasedContents:
    """What an erasure found in entries and versions.

    Attributes
    ----------
    found
        By the id of the entry, fields whose texts hold a name.
    checksums
        The present ones by the former ones.
    unread
        Contents with sealed values that could not be opened.
    """

    entries: int = 0
    versions: int = 0
    entries_found: int = 0
    versions_found: int = 0
    found: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    checksums: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    unread: int = 0


class ContentErasure:
    """Writes entries and versions anew without a person.

    An entry becomes its next version, as every consumer of it has to hear; what was before it is
    then erased with all other versions, which keep their numbers.

    Parameters
    ----------
    ring
        Opens sealed values; None leaves them as they are, and counts them.
    """

    def __init__(self, store: ErasureStore, ring: KeyRing | None) -> None:
        self._store = store
        self._ring = ring

    async def erase(
        self, connection: Connection, person: Person, actor: str, *, redact_text: bool
    ) -> ErasedContents:
        """Erase a person from all contents, in the caller's transaction."""
        erased = ErasedContents()
        after = 0
        while page := await self._store.lock_entries(connection, person, after, _TOGETHER):
            keys = [
                held.key
                for held in page
                if await self._rewrite(
                    connection, person, held, erased, actor, redact_text=redact_text
                )
            ]
            await self._store.remove_stale_vectors(connection, keys)
            erased.entries += len(keys)
            after = page[-1].key
        place = (0, 0)
        while page := await self._store.lock_versions(connection, person, place, _TOGETHER):
            for held in page:
                erased.versions += await self._rewrite(
                    connection, person, held, erased, actor, redact_text=redact_text
                )
            place = (page[-1].key, page[-1].version or 0)
        return erased

    async def _rewrite(
        self,
        connection: Connection,
        person: Person,
        held: HeldContent,
        erased: ErasedContents,
        actor: str,
        *,
        redact_text: bool,
    ) -> bool:
        """Write one content anew if the person is in it; tell whether it changed."""
        clear, ring = held.draft, self._ring
        places = sorted(envelopes(held.draft.metadata))
        if places:
            try:
                if ring is None:
                    raise SealedFieldError("metadata", "no key is configured", "")
                metadata = opened(ring, held.entry_id, held.draft.metadata)
            except SealedFieldError:
                erased.unread += 1
                ring, metadata = None, shown(held.draft.metadata)
            clear = held.draft.model_copy(update={"metadata": metadata})
        present = person.without_name(clear)
        texts = person.texts_with_name(clear)
        if texts:
            erased.found.setdefault(held.entry_id, set()).update(texts)
            if held.version is None:
                erased.entries_found += 1
            else:
                erased.versions_found += 1
            if redact_text:
                present = present.model_copy(update=texts)
        # A private entry of the person's is read by the person's grant, also where it has no other.
        if present == clear:
            return False
        if redact_text:
            places = [_redacted_pointer(person, place) for place in places]
        draft, checksum = self._stored(held, present, places, ring)
        erased.checksums[held.checksum] = checksum
        if held.version is None:
            await self._store.write_entry(connection, held, draft, checksum, actor)
        else:
            await self._store.write_version(connection, held, draft, checksum)
        return True

    def _stored(
        self, held: HeldContent, present: EntryDraft, places: list[str], ring: KeyRing | None
    ) -> tuple[EntryDraft, bytes]:
        """Return a content in its stored form, and its checksum."""
        if not places:
            return present, present.checksum
        if ring is None:
            # Nobody without the key can try a guess against the former checksum, a keyed one.
            metadata = present.metadata | {SEALED: held.draft.metadata[SEALED]}
            return present.model_copy(update={"metadata": metadata}), held.checksum
        metadata = sealed(ring, held.entry_id, present.metadata, places)
        checksum = ring.checksum(
            present.canonical_content + orjson.dumps(sorted(_envelopes(metadata))), ring.active
        )
        assert checksum is not None
        return present.model_copy(update={"metadata": metadata}), checksum


def _envelopes(metadata: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    return envelopes(dict(metadata))


def _redacted_pointer(person: Person, pointer: str) -> str:
    """Return where a value lies after the names of its objects were redacted."""
    parts = pointer_parts(pointer)
    return "".join(f"/{escaped(person.redacted_text(part))}" for part in parts)
