"""The graph of relationships as rows of numbers, and paths as people read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import numpy as np
from numpy.typing import NDArray

from hyper_registry.domain.graph import PathEntry, PathLink
from hyper_registry.domain.identifiers import EntryKey
from hyper_registry.domain.relationship import Direction
from hyper_registry.storage.database import Connection
from hyper_registry.storage.queries import load_queries

_SQL = load_queries("graph")

EDGE_ROW = np.dtype(
    [
        ("key", np.int64),
        ("source_key", np.int64),
        ("target_key", np.int64),
        ("type_id", np.int16),
        ("bidirectional", np.bool_),
    ]
)
"""One relationship."""

# In COPY's binary format each tuple starts with its number of fields and each field with its
# length, all big-endian; as every column has a fixed width and no nulls, so has every tuple.
_COPIED_ROW = np.dtype(
    [
        ("fields", ">i2"),
        *(
            part
            for name, kind in (
                ("key", ">i8"),
                ("source_key", ">i8"),
                ("target_key", ">i8"),
                ("type_id", ">i2"),
                ("bidirectional", "?"),
            )
            for part in ((f"{name}_length", ">i4"), (name, kind))
        ),
    ]
)
_COPY_HEADER_BYTES = 19  # signature, flags and the length of a header extension, which is empty
_COPY_TRAILER_BYTES = 2


@dataclass(frozen=True, slots=True)
class Audience:
    """Entries that the same grants may see.

    Attributes
    ----------
    readers
        Grants that may see them.
    living
        False if they are deleted: then nobody may see them.
    entry_keys
        int64, in no order.
    """

    readers: frozenset[str]
    living: bool
    entry_keys: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class GraphChanges:
    """What was written after a snapshot; some of it may be known already.

    Attributes
    ----------
    removed_edges
        int64 keys of deleted relationships.
    edges
        New and changed relationships, of dtype `EDGE_ROW`. Their ends are known or among
        `audiences`.
    audiences
        New and changed entries.
    """

    removed_edges: NDArray[np.int64]
    edges: NDArray[np.void]
    audiences: list[Audience]


class GraphStore:
    """The graph in Postgres; takes a connection and never commits.

    Read the snapshot first, then relationships, then entries, each in a statement of its own: a
    later statement sees all that an earlier one saw, so every end of a relationship is found.
    """

    async def fetch_snapshot(self, connection: Connection) -> str:
        """Return which transactions have ended, as the text of a ``pg_snapshot``."""
        snapshot: str = await connection.fetchval(_SQL["fetch_snapshot"])
        return snapshot

    async def load_edges(self, connection: Connection) -> NDArray[np.void]:
        """Read all relationships, of dtype `EDGE_ROW`, by COPY."""
        copied = bytearray()

        async def collect(chunk: bytes) -> None:
            copied.extend(chunk)

        await connection.copy_from_query(_SQL["load_edges"], output=collect, format="binary")
        size = len(copied) - _COPY_HEADER_BYTES - _COPY_TRAILER_BYTES
        rows = np.frombuffer(copied, _COPIED_ROW, size // _COPIED_ROW.itemsize, _COPY_HEADER_BYTES)
        edges = np.empty(len(rows), EDGE_ROW)
        for name in EDGE_ROW.names or ():
            edges[name] = rows[name]
        return edges

    async def load_entries(self, connection: Connection) -> list[Audience]:
        """Read the keys of all entries."""
        return [_audience(row) for row in await connection.fetch(_SQL["load_entries"])]

    async def fetch_changes(
        self, connection: Connection, snapshot: str, limit: int
    ) -> GraphChanges | None:
        """Read what was written since `snapshot`; None if that is more than `limit` edges."""
        removed = await connection.fetch(_SQL["fetch_removed_edges"], snapshot)
        edges = await connection.fetch(_SQL["fetch_changed_edges"], snapshot, limit + 1)
        if len(edges) > limit:
            return None
        entries = await connection.fetch(_SQL["fetch_changed_entries"], snapshot)
        return GraphChanges(
            np.array([row["subject_key"] for row in removed], np.int64),
            np.array([tuple(row) for row in edges], EDGE_ROW),
            [_audience(row) for row in entries],
        )

    async def fetch_types(self, connection: Connection) -> dict[str, int]:
        """Read the ids of all types of relationships by name."""
        return {row["name"]: row["type_id"] for row in await connection.fetch(_SQL["fetch_types"])}

    async def fetch_entries(
        self, connection: Connection, keys: Sequence[EntryKey], grants: list[str] | None
    ) -> dict[EntryKey, PathEntry]:
        """Read entries by key; those that `grants` may not see are absent."""
        rows = await connection.fetch(_SQL["fetch_entries"], list(keys), grants)
        return {
            EntryKey(row["entry_key"]): PathEntry(
                entry_id=row["entry_id"], title=row["title"], category=row["category"]
            )
            for row in rows
        }

    async def fetch_path_links(
        self,
        connection: Connection,
        keys: Sequence[EntryKey],
        type_ids: Sequence[int] | None,
        direction: Direction,
    ) -> tuple[PathLink, ...]:
        """Read one relationship for each hop of a path; hops that have none are absent."""
        types = None if type_ids is None else list(type_ids)
        rows = await connection.fetch(_SQL["fetch_path_links"], list(keys), types, direction.value)
        return tuple(_link(row) for row in rows)


def _audience(row: asyncpg.Record) -> Audience:
    return Audience(frozenset(row["readers"]), row["living"], np.array(row["entry_keys"], np.int64))


def _link(row: asyncpg.Record) -> PathLink:
    columns: dict[str, Any] = dict(row)
    return PathLink(**columns)
