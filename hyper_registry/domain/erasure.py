"""Erasures: what is asked for, and what was found and done."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from hyper_registry.domain.person import PSEUDONYM_PATTERN
from hyper_registry.domain.text import Line, Text

FOUND_TOLD = 1_000
"""Entries that a report names at most; it counts them all."""


class ErasureRequest(BaseModel):
    """A person to erase.

    Attributes
    ----------
    names
        All that the person is called by: the name of the keys, an email address …
    reason
        Why, such as the number of the request; kept with the erasure.
    dry_run
        Do it and take it back: only the report is made.
    redact_text
        Replace the names also in what people wrote. Otherwise it is only reported.
    pseudonym
        Of an earlier erasure of the same person, to be continued; None for a new one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: Annotated[
        tuple[Annotated[Line, StringConstraints(max_length=320)], ...],
        Field(min_length=1, max_length=20),
    ]
    reason: Annotated[Text, StringConstraints(min_length=1, max_length=2_000)]
    dry_run: bool = False
    redact_text: bool = False
    pseudonym: Annotated[str, StringConstraints(pattern=PSEUDONYM_PATTERN)] | None = None


class NamedEntry(BaseModel):
    """An entry whose texts, or those of its versions, hold a name, and which fields do."""

    model_config = ConfigDict(frozen=True)

    entry_id: str
    fields: tuple[str, ...]


class ErasureReport(BaseModel):
    """What an erasure did, or would do.

    Attributes
    ----------
    changed
        Rows that it changed, by table.
    found
        Rows whose texts hold a name, by table: they were replaced if that was asked for.
    entries, entries_found
        Entries with such texts, the first of them and how many there are.
    kept_ids
        Entries whose ids hold a name: others refer to them, so they stay.
    kept_handles
        Namespaces and handles, old ones too, that hold a name: they lead to entries, so they stay.
    unread_sealed
        Versions with sealed values that no configured key opens, and that may hold a name.
    keys_revoked, webhooks_stopped, bindings_removed
        What the person had.
    seals_replaced
        Seals of the audit log whose rows changed.
    stale_index_versions
        Versions of the vector index whose files hold what was erased until the index is built anew.
    """

    model_config = ConfigDict(frozen=True)

    dry_run: bool
    redact_text: bool
    changed: dict[str, int]
    found: dict[str, int]
    entries: list[NamedEntry]
    entries_found: int
    kept_ids: list[str]
    kept_handles: list[str] = Field(default_factory=list)
    unread_sealed: int
    keys_revoked: int
    webhooks_stopped: int
    bindings_removed: int
    seals_replaced: int
    stale_index_versions: list[int]

    def without_kept_ids(self) -> Self:
        """Return the report as it is kept: without ids and handles that hold a name."""
        kept = frozenset(self.kept_ids)
        entries = [entry for entry in self.entries if entry.entry_id not in kept]
        return self.model_copy(update={"entries": entries, "kept_ids": [], "kept_handles": []})


class Erasure(BaseModel):
    """An erasure that was done, or with `dry_run` tried; it does not tell who was erased.

    Attributes
    ----------
    erasure_id, pseudonym, erased_at
        None where it was tried.
    """

    model_config = ConfigDict(frozen=True)

    erasure_id: str | None
    pseudonym: str | None
    reason: str
    requested_by: str
    erased_at: datetime | None
    report: ErasureReport


class ErasurePage(BaseModel):
    """Erasures, newest first; `next_before` continues, null ends."""

    items: list[Erasure]
    next_before: str | None
