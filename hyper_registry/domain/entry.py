"""Entries: what the registry holds about one thing."""

import hashlib
import uuid
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import orjson
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
)

from hyper_registry.domain.entry_status import EntryStatus
from hyper_registry.domain.handle import Handle, name_form, namespace_of
from hyper_registry.domain.identifiers import ENTRY_ID_PATTERN, EntryId
from hyper_registry.domain.lifecycle import Deprecation
from hyper_registry.domain.principal import EVERYONE, namespace_grant
from hyper_registry.domain.text import JsonObject, Line, Text

CATEGORY_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"


class ComplianceStatus(StrEnum):
    """What the assessments of an entry come to, or what it declares while it has none."""

    UNKNOWN = "unknown"
    COMPLIANT = "compliant"
    NON_COMPLIANT = "non_compliant"
    IN_REVIEW = "in_review"
    EXEMPT = "exempt"


class Visibility(StrEnum):
    """Who may see an entry at all."""

    PUBLIC = "public"
    INTERNAL = "internal"
    PRIVATE = "private"


def _known_grantee(value: str) -> str:
    kind, _, name = value.partition(":")
    if kind not in {"user", "group"} or not name:
        msg = "is neither 'user:NAME' nor 'group:NAME'"
        raise ValueError(msg)
    return value


Grantee = Annotated[Line, AfterValidator(_known_grantee)]


def _pointer(value: str) -> str:
    if not value.startswith("/"):
        msg = "is no JSON pointer; write it as '/field' or '/list/0/field'"
        raise ValueError(msg)
    return value


JsonPointer = Annotated[Text, StringConstraints(max_length=500), AfterValidator(_pointer)]


def embedding_text(title: str, description: str, tags: Sequence[str]) -> str:
    """Return the text whose meaning stands for an entry of these fields in vector search."""
    return "\n".join(part for part in (title, description, ", ".join(tags)) if part)


class SecurityContext(BaseModel):
    """Who may see an entry; the owner's own `user:` grant is implied for private entries."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    visibility: Visibility = Visibility.INTERNAL
    readers: tuple[Grantee, ...] = ()


class EntryDraft(BaseModel):
    """The part of an entry that people write.

    Sizes are checked by the catalog, which knows the deployment's limits; this model checks
    what can be stored at all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    entry_id: Annotated[EntryId, StringConstraints(pattern=ENTRY_ID_PATTERN)] | None = None
    handle: Annotated[
        Handle | None,
        Field(
            description="The name `namespace/name`. Left out, an entry keeps the one it has; it is "
            "changed by renaming and transferring the entry."
        ),
    ] = None
    category: Annotated[str, StringConstraints(pattern=CATEGORY_PATTERN)]
    title: Line
    description: Text = ""
    status: EntryStatus = EntryStatus.ACTIVE
    owner: Line | None = None
    tags: tuple[Line, ...] = ()
    metadata: JsonObject = Field(default_factory=dict)
    compliance_status: ComplianceStatus = ComplianceStatus.UNKNOWN
    security: SecurityContext = SecurityContext()
    deprecation: Deprecation | None = None
    sensitive: Annotated[
        tuple[JsonPointer, ...],
        Field(
            exclude=True,
            max_length=1_000,
            description="JSON pointers into the metadata to seal, beside those that the schema of "
            "the category marks and those that are sealed already. It is never answered.",
        ),
    ] = ()

    @field_validator("tags")
    @classmethod
    def _distinct_tags(cls, tags: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(tags))

    @property
    def readers(self) -> list[str]:
        """Grants that may see the entry, sorted (see `domain.principal`)."""
        if self.security.visibility is not Visibility.PRIVATE:
            return [EVERYONE]
        owner = [f"user:{self.owner}"] if self.owner else []
        namespace = self.namespace
        members = [] if namespace is None else [namespace_grant(namespace)]
        return sorted({*self.security.readers, *owner, *members})

    @property
    def namespace(self) -> str | None:
        """The form of the namespace that the entry is in."""
        return namespace_of(self.handle)

    @property
    def handle_form(self) -> str | None:
        """What makes two ways to write the handle one name."""
        return None if self.handle is None else name_form(self.handle)

    @property
    def checksum(self) -> bytes:
        """SHA-256 of the canonical JSON of everything but the id; equal content, equal checksum."""
        return self.checksum_with(self.canonical_metadata)

    @property
    def canonical_content(self) -> bytes:
        """The canonical JSON that the checksum stands for."""
        return self._content_with(self.canonical_metadata)

    @property
    def canonical_metadata(self) -> bytes:
        """The canonical JSON of the metadata."""
        return orjson.dumps(self.metadata, option=orjson.OPT_SORT_KEYS)

    def checksum_with(self, canonical_metadata: bytes) -> bytes:
        """Return the checksum, given the canonical metadata of this draft."""
        return hashlib.sha256(self._content_with(canonical_metadata)).digest()

    def _content_with(self, canonical_metadata: bytes) -> bytes:
        # Named one by one, which takes a fraction of the time of a dump of the model.
        content: dict[str, object] = {
            "category": self.category,
            "title": self.title,
            "description": self.description,
            "status": self.status,
            "owner": self.owner,
            "tags": self.tags,
            "metadata": orjson.Fragment(canonical_metadata),
            "compliance_status": self.compliance_status,
            "security": {
                "visibility": self.security.visibility,
                "readers": self.security.readers,
            },
        }
        # What an entry need not say is left out, so that old checksums stay valid.
        if self.deprecation is not None:
            content["deprecation"] = self.deprecation.model_dump(mode="json")
        if self.handle is not None:
            content["handle"] = self.handle
        return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)

    @property
    def embedding_text(self) -> str:
        """The text whose meaning stands for the entry in vector search."""
        return embedding_text(self.title, self.description, self.tags)

    @property
    def embedding_input_hash(self) -> bytes:
        """First 16 bytes of the SHA-256 of `embedding_text`: a vector of another hash is stale."""
        return hashlib.sha256(self.embedding_text.encode()).digest()[:16]


class Entry(EntryDraft):
    """An entry as the registry holds it."""

    entry_id: EntryId  # pyright: ignore[reportIncompatibleVariableOverride, reportGeneralTypeIssues]  # a stored entry always has one
    version: int
    checksum_hex: Annotated[
        str,
        Field(
            serialization_alias="checksum",
            validation_alias=AliasChoices("checksum_hex", "checksum"),
        ),
    ]
    embedded: bool
    created_at: datetime
    updated_at: datetime
    accessed_at: datetime | None = None
    created_by: str
    updated_by: str


KEPT_FIELDS = frozenset(Entry.model_fields) - frozenset(EntryDraft.model_fields) | {"checksum"}
"""What the registry itself keeps of an entry; importing what was exported passes over it."""


def draft_of(entry: Entry) -> EntryDraft:
    """Return the part of an entry that people write, whose fields are not checked again."""
    fields = {name: getattr(entry, name) for name in EntryDraft.model_fields}
    return EntryDraft.model_construct(**fields)


def new_entry_id() -> EntryId:
    """Return a fresh random entry id (UUID4 in hex)."""
    return EntryId(uuid.uuid4().hex)
