"""Candidates for duplicates, and the pairs that are none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hyper_registry.domain.duplicate import LikeEntry
from hyper_registry.domain.handle import namespace_of
from hyper_registry.domain.identifiers import EntryId, EntryKey
from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("duplicate")


@dataclass(frozen=True, slots=True)
class Subject:
    """An entry whose duplicates are looked for."""

    key: EntryKey
    entry: LikeEntry


@dataclass(frozen=True, slots=True)
class RejectedEntry:
    """One of two entries that are two things, with the hash of what it says."""

    key: EntryKey
    namespace: str | None
    text: bytes


class DuplicateStore:
    """Duplicates in Postgres; takes a connection and never commits."""

    async def fetch_subject(
        self, connection: Connection, entry_id: str, grants: list[str] | None
    ) -> Subject | None:
        """Read a living entry that `grants` may see."""
        row = await connection.fetchrow(_SQL["fetch_subject"], entry_id, grants)
        return None if row is None else Subject(EntryKey(row["entry_key"]), _entry(row))

    async def fetch_position(
        self, connection: Connection, entry_id: str, grants: list[str] | None
    ) -> EntryKey | None:
        """Resolve the id of an entry that `grants` may see, deleted or not."""
        key: int | None = await connection.fetchval(_SQL["fetch_position"], entry_id, grants)
        return None if key is None else EntryKey(key)

    async def list_subjects(
        self, connection: Connection, below: EntryKey | None, grants: list[str] | None, limit: int
    ) -> list[Subject]:
        """Read living entries that `grants` may see, the latest first, from below one key on."""
        rows = await connection.fetch(_SQL["list_subjects"], below, grants, limit)
        return [Subject(EntryKey(row["entry_key"]), _entry(row)) for row in rows]

    async def same_words(
        self,
        connection: Connection,
        subject: Subject,
        grants: list[str] | None,
        limit: int,
        looked_at: int,
    ) -> list[EntryKey]:
        """Find entries that hold all words of the subject's title, of so many looked at."""
        rows = await connection.fetch(
            _SQL["same_words"], subject.key, subject.entry.title, grants, limit, looked_at
        )
        return [EntryKey(row["entry_key"]) for row in rows]

    async def same_neighbours(
        self,
        connection: Connection,
        key: EntryKey,
        grants: list[str] | None,
        limit: int,
        looked_at: int,
    ) -> list[EntryKey]:
        """Find entries with neighbours of an entry, of so many neighbours of each looked at."""
        rows = await connection.fetch(_SQL["same_neighbours"], key, grants, limit, looked_at)
        return [EntryKey(row["entry_key"]) for row in rows]

    async def fetch_entries(
        self, connection: Connection, keys: Sequence[EntryKey], grants: list[str] | None
    ) -> dict[EntryKey, LikeEntry]:
        """Read those of some entries that live and that `grants` may see."""
        rows = await connection.fetch(_SQL["fetch_entries"], list(keys), grants)
        return {EntryKey(row["entry_key"]): _entry(row) for row in rows}

    async def compare(
        self, connection: Connection, key: EntryKey, keys: Sequence[EntryKey], model_id: str
    ) -> dict[EntryKey, float | None]:
        """Compare embeddings of some entries with that of one; rejected pairs are left out.

        Returns
        -------
        dict
            By key, the cosine; None where one of the two is not embedded.
        """
        rows = await connection.fetch(_SQL["compare"], key, list(keys), model_id)
        return {EntryKey(row["entry_key"]): row["cosine"] for row in rows}

    async def fetch_neighbours(
        self,
        connection: Connection,
        keys: Sequence[EntryKey],
        grants: list[str] | None,
        limit: int,
    ) -> dict[EntryKey, list[int]]:
        """Read the `limit` lowest keys of what entries are related to and `grants` may see."""
        rows = await connection.fetch(_SQL["fetch_neighbours"], list(keys), grants, limit)
        return {EntryKey(row["entry_key"]): row["neighbours"] for row in rows}

    async def fetch_vector(
        self, connection: Connection, key: EntryKey, model_id: str
    ) -> NDArray[np.float32] | None:
        """Read the valid embedding of an entry, ``(dimension,) float32``."""
        text: str | None = await connection.fetchval(_SQL["fetch_vector"], key, model_id)
        return None if text is None else np.array(text[1:-1].split(","), dtype=np.float32)

    async def lock_rejected(
        self, connection: Connection, entry_ids: Sequence[str], grants: list[str] | None
    ) -> dict[str, RejectedEntry]:
        """Hold living entries that `grants` may see, so that nobody rewords them, by id."""
        rows = await connection.fetch(_SQL["lock_rejected"], list(entry_ids), grants)
        return {
            row["entry_id"]: RejectedEntry(
                EntryKey(row["entry_key"]),
                namespace_of(row["handle"]),
                bytes(row["embedding_input_hash"]),
            )
            for row in rows
        }

    async def put_rejection(
        self, connection: Connection, one: RejectedEntry, other: RejectedEntry, actor: str
    ) -> datetime:
        """Note that two held entries are two things, and return when."""
        lower, higher = sorted((one, other), key=lambda entry: entry.key)
        rejected_at: datetime = await connection.fetchval(
            _SQL["put_rejection"], lower.key, higher.key, lower.text, higher.text, actor
        )
        return rejected_at


def _entry(row: Any) -> LikeEntry:
    return LikeEntry(
        entry_id=EntryId(row["entry_id"]),
        handle=row["handle"],
        title=row["title"],
        category=row["category"],
    )
