"""Versions of the vector index: what was built, and which one searches use."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict


class IndexVersionState(StrEnum):
    """Where a version stands: from building to active and retired, or failed."""

    BUILDING = "building"
    ACTIVE = "active"
    RETIRED = "retired"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class IndexVersion:
    """One version of the vector index as Postgres knows it.

    Attributes
    ----------
    uri
        Where its files lie, ``file:`` by default.
    snapshot_xid
        Transaction below which all had ended when the build began: what was written by this one
        or a later one may be missing in the version.
    model_id
        Model whose vectors it holds.
    row_count
        Entries in it; None until it is activated.
    activated_at
        When searches last turned to it.
    """

    version: int
    state: IndexVersionState
    uri: str
    snapshot_xid: int
    model_id: str
    row_count: int | None
    shard_count: int
    created_at: datetime
    activated_at: datetime | None

    @property
    def directory(self) -> Path | None:
        """Path of its files; None where they are not on a file system."""
        parts = urlsplit(self.uri)
        return Path(unquote(parts.path)) if parts.scheme == "file" else None


class SearchStatus(BaseModel):
    """How current the index is that one process searches with.

    Entries are counted only where the caller may see them.

    Attributes
    ----------
    active_version
        Version that searches should use; None where no index was built yet.
    index_version
        Version that this process has open; None while it searches in Postgres alone.
    snapshot_xid
        Transaction as of which that version was taken; told to administrators, since the numbers
        count the writes of everybody.
    snapshot_entries
        Entries in the open version; except for administrators, those that searches still read from
        it.
    changed_entries
        Entries written or embedded since that version was taken, which searches read from
        Postgres; without an open version, all.
    unembedded_entries
        Entries that are found by text but not yet by meaning.
    error
        Why the active version is not the open one; told to administrators.
    """

    model_config = ConfigDict(frozen=True)

    active_version: int | None
    index_version: int | None
    snapshot_xid: int | None
    snapshot_entries: int
    opened_at: datetime | None
    changed_entries: int
    unembedded_entries: int
    error: str | None
