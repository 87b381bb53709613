"""Namespaces of handles, and the names that entries have and had."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from hyper_registry.domain.approval import ApprovalPolicy
from hyper_registry.domain.entry import Entry
from hyper_registry.domain.handle import NamespaceName
from hyper_registry.domain.identifiers import EntryId
from hyper_registry.domain.text import Text


class NamespaceContent(BaseModel):
    """What people write of a namespace; in a change, what is left out stays as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: Annotated[Text, Field(max_length=1_000)] = ""
    approval: Annotated[
        ApprovalPolicy | None,
        Field(description="In which statuses entries need the approval of owners; null: in none."),
    ] = None


class NamespaceDraft(NamespaceContent):
    """A namespace to create."""

    name: NamespaceName


class Namespace(NamespaceContent):
    """A place for handles, with people who have roles in it.

    Attributes
    ----------
    form
        The name without regard to case and ways of writing it; no two namespaces share it.
    """

    name: str
    form: str
    created_at: datetime
    created_by: str
    updated_at: datetime


class NamespacePage(BaseModel):
    """Some namespaces by form; `next_after` continues, null ends."""

    items: list[Namespace]
    next_after: str | None


class EntryName(BaseModel):
    """A handle that an entry has, or had and keeps as an alias.

    Attributes
    ----------
    until
        When another took its place; None while it is the present one.
    """

    model_config = ConfigDict(frozen=True)

    handle: str
    current: bool
    since: datetime
    until: datetime | None
    created_by: str


class MergedEntry(BaseModel):
    """An entry that was merged into another one, whose id and handles lead there."""

    model_config = ConfigDict(frozen=True)

    entry_id: EntryId
    merge_id: UUID
    merged_at: datetime


class EntryNames(BaseModel):
    """All that leads to an entry.

    Attributes
    ----------
    items
        Its handles: the present one first, then the old ones, the latest first.
    merged
        Entries that were merged into it, the latest first.
    """

    items: list[EntryName]
    merged: list[MergedEntry]


class FoundBy(BaseModel):
    """The name under which an entry was found.

    Attributes
    ----------
    name
        A handle, or the id of an entry that was merged into this one.
    is_alias
        Whether it is none of the entry's present names: an old handle, or a name of an entry that
        was merged into this one.
    canonical
        The present handle, where the entry has one.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    is_alias: bool
    canonical: str | None


class NamedEntry(Entry):
    """An entry that was found by a name, and what that name is to it."""

    found_by: FoundBy

    @classmethod
    def of(cls, entry: Entry, found_by: FoundBy) -> Self:
        """Return the entry with the name it was found by; nothing is checked again."""
        fields = {name: getattr(entry, name) for name in Entry.model_fields}
        return cls.model_construct(**fields, found_by=found_by)
