"""Versions of entries: what an entry was from one moment to the next."""

from datetime import datetime
from typing import Annotated

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, JsonValue

from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.identifiers import EntryId


class EntryVersion(EntryDraft):
    """An entry as it was, or is.

    Attributes
    ----------
    actor
        Who wrote this version.
    valid_from, superseded_at
        When it was the present one; `superseded_at` is None while it is. Versions that one
        transaction wrote share its time.
    deleted
        Whether this version is a deletion; its content is that of the version before.
    restored_from
        The version whose content this one brought back.
    created_at, created_by
        Of the entry.
    """

    entry_id: EntryId  # pyright: ignore[reportIncompatibleVariableOverride, reportGeneralTypeIssues]  # a stored entry always has one
    version: int
    checksum_hex: Annotated[
        str,
        Field(
            serialization_alias="checksum",
            validation_alias=AliasChoices("checksum_hex", "checksum"),
        ),
    ]
    actor: str
    valid_from: datetime
    superseded_at: datetime | None
    deleted: bool
    restored_from: int | None
    created_at: datetime
    created_by: str

    @property
    def draft(self) -> EntryDraft:
        """What people wrote of it, without its id; it is not checked again."""
        written = EntryDraft.model_fields.keys() - {"entry_id"}
        return EntryDraft.model_construct(
            entry_id=None, **{name: getattr(self, name) for name in written}
        )


class EntryVersionPage(BaseModel):
    """Versions of an entry, newest first; `next_before` continues, null ends."""

    model_config = ConfigDict(frozen=True)

    items: list[EntryVersion]
    next_before: int | None


class EntryDifference(BaseModel):
    """What leads from one version of an entry to another, as an RFC 6902 patch of its content."""

    model_config = ConfigDict(frozen=True)

    entry_id: EntryId
    from_version: int
    to_version: int
    patch: list[dict[str, JsonValue]]


class DeletedEntry(BaseModel):
    """A deleted entry that can be brought back until it is purged."""

    model_config = ConfigDict(frozen=True)

    entry_id: EntryId
    category: str
    title: str
    version: int
    deleted_at: datetime
    deleted_by: str
