"""What the definitions ask of an entry before it is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import orjson

from hyper_registry.catalog.definitions import HeldDefinitions
from hyper_registry.domain.approval import require_returnable, require_ungoverned
from hyper_registry.domain.category import Category
from hyper_registry.domain.entry import ComplianceStatus, EntryDraft
from hyper_registry.domain.entry_status import EntryStatus
from hyper_registry.domain.errors.input import InvalidFieldError, UnknownCategoryError
from hyper_registry.domain.errors.types import (
    InvalidSchemaError,
    MetadataInvalidError,
    SchemaIncompatibleError,
    SealedFieldError,
)
from hyper_registry.domain.identifiers import EntryId
from hyper_registry.domain.metadata_schema import MetadataSchema
from hyper_registry.domain.schema_compatibility import CompatibilityMode, incompatibilities
from hyper_registry.domain.sealing import (
    KeyRing,
    SealedDraft,
    envelopes,
    has,
    mentions_sealed,
    outermost,
    placeholders,
    replaced,
    sealed,
)
from hyper_registry.domain.type_definitions import TypeDefinitions
from hyper_registry.storage.database import Connection

_SCHEMA_HOLDERS = frozenset({Category.EVENT_SCHEMA, Category.TASK_SCHEMA})


@dataclass(frozen=True, slots=True)
class EntryBefore:
    """What the rules need to know of the entry that a draft replaces.

    Attributes
    ----------
    assessed_status
        What its assessments come to; None where it has none, and declares its status itself.
    """

    category: str
    status: EntryStatus
    metadata: dict[str, Any]
    checksum: bytes
    assessed_status: ComplianceStatus | None = None


class EntryRules:
    """Checks drafts against the definitions of their categories, and seals what is sensitive.

    Parameters
    ----------
    ring
        Keys that seal; None refuses what would have to be sealed.
    """

    def __init__(self, definitions: HeldDefinitions, ring: KeyRing | None = None) -> None:
        self._definitions = definitions
        self._ring = ring

    async def current(self, connection: Connection) -> TypeDefinitions:
        """Return the definitions to check drafts with."""
        return await self._definitions.current(connection)

    async def admitted(
        self,
        connection: Connection,
        entry_id: EntryId,
        draft: EntryDraft,
        before: EntryBefore | None = None,
        *,
        approved: bool = False,
    ) -> EntryDraft:
        """Return one draft as it is to be stored under the current definitions; see `admit`."""
        definitions = await self.current(connection)
        return self.admit(definitions, entry_id, draft, before, approved=approved)

    def admit(
        self,
        definitions: TypeDefinitions,
        entry_id: EntryId,
        draft: EntryDraft,
        before: EntryBefore | None = None,
        *,
        approved: bool = False,
    ) -> EntryDraft:
        """Return a draft as it is to be stored, with sensitive values sealed.

        Sensitive is what the schema marks, what the draft names, and what was sealed before. The
        checksum is that of the entry before where the content is the same. The compliance status of
        an entry that is assessed follows from its assessments, whatever the draft says.

        Every write of content passes here, so this is where policies of approval are kept: equal
        content is admitted, and so is all that is in no governed status then.

        Parameters
        ----------
        approved
            Whether the owners of the namespace approved it, or it follows from what others wrote.

        Raises
        ------
        ApprovalRequiredError
            If other content is in a status that its namespace governs, and nobody approved it.
        SealedFieldError
            If the draft uses the reserved name, keeps a value that is not sealed there, names a
            place that is not, or has to be sealed where no key is configured.
        UnknownCategoryError, MetadataInvalidError, StatusTransitionError, InvalidFieldError
        InvalidSchemaError, SchemaIncompatibleError
            See `check_draft`.
        """
        admitted = self._stored_form(definitions, entry_id, draft, before)
        policies = definitions.approvals
        # Checksums are not computed for registries without policies.
        if policies and not approved and (before is None or admitted.checksum != before.checksum):
            require_ungoverned(policies, admitted.namespace, admitted.status)
        return admitted

    def _stored_form(
        self,
        definitions: TypeDefinitions,
        entry_id: EntryId,
        draft: EntryDraft,
        before: EntryBefore | None,
    ) -> EntryDraft:
        if before is not None and before.assessed_status is not None:
            draft = draft.model_copy(update={"compliance_status": before.assessed_status})
        known = {} if before is None else envelopes(before.metadata)
        clear = draft
        if mentions_sealed(draft.metadata):
            clear = self._with_kept(entry_id, draft, known)
        check_draft(definitions, clear, before)
        schema = definitions.categories[draft.category].schema
        places = {pointer for pointer in known if has(clear.metadata, pointer)}
        if schema is not None and schema.marks_sensitive:
            places |= schema.sensitive_pointers(clear.metadata)
        for pointer in draft.sensitive:
            if not has(clear.metadata, pointer):
                raise SealedFieldError(
                    "sensitive", f"{pointer!r} is no place in the metadata", "Correct the pointer."
                )
            places.add(pointer)
        if not places:
            return clear
        return self._sealed(entry_id, clear, outermost(places), before)

    async def require_returnable(
        self,
        connection: Connection,
        namespace: str | None,
        status: EntryStatus,
        gone_at: datetime,
    ) -> None:
        """Refuse to bring back an entry as it was before its namespace governed its status.

        Raises
        ------
        ApprovalRequiredError
            See `domain.approval.require_returnable`.
        """
        policies = (await self.current(connection)).approvals
        require_returnable(policies, namespace, status, gone_at)

    def unsealed(
        self, entry_id: EntryId, draft: EntryDraft, stored: Mapping[str, Any]
    ) -> EntryDraft:
        """Return a draft with the values that `stored` metadata seals, named as sensitive again.

        Raises
        ------
        SealedFieldError
            If a value does not open, or no key is configured.
        """
        known = envelopes(dict(stored))
        if not known:
            return draft
        clear = self._with_kept(entry_id, draft, known)
        return clear.model_copy(update={"sensitive": tuple(sorted(known))})

    def _with_kept(
        self, entry_id: EntryId, draft: EntryDraft, known: Mapping[str, Mapping[str, str]]
    ) -> EntryDraft:
        """Return a draft with the values that its placeholders stand for."""
        values: dict[str, Any] = {}
        for pointer in placeholders(draft.metadata):
            if pointer not in known:
                raise SealedFieldError(
                    f"metadata{pointer}", "nothing is sealed there", "Send the value itself."
                )
            values[pointer] = self._keys(pointer).open(entry_id, pointer, known[pointer])
        return draft.model_copy(update={"metadata": replaced(draft.metadata, values)})

    def _sealed(
        self,
        entry_id: EntryId,
        clear: EntryDraft,
        places: list[str],
        before: EntryBefore | None,
    ) -> SealedDraft:
        ring = self._keys(places[0])
        content = clear.canonical_content + orjson.dumps(places)
        checksum = ring.checksum(content, ring.active)
        if before is not None:
            # Until its key is rotated, an entry has a checksum of the key before.
            keys = {envelope["key"] for envelope in envelopes(before.metadata).values()}
            if any(ring.checksum(content, key) == before.checksum for key in keys):
                checksum = before.checksum
        fields = {name: getattr(clear, name) for name in EntryDraft.model_fields}
        fields["metadata"] = sealed(ring, entry_id, clear.metadata, places)
        return SealedDraft.model_construct(**fields, content_checksum=checksum)

    def _keys(self, pointer: str) -> KeyRing:
        if self._ring is None:
            raise SealedFieldError(
                f"metadata{pointer}",
                "is sensitive, and no key is configured to seal it",
                "Set 'encryption.keys'.",
            )
        return self._ring


def check_draft(
    definitions: TypeDefinitions, draft: EntryDraft, before: EntryBefore | None = None
) -> None:
    """Check a draft.

    Parameters
    ----------
    before
        The living entry that the draft replaces; None for one that begins.

    Raises
    ------
    UnknownCategoryError
        If the category is not registered.
    MetadataInvalidError
        If the metadata does not fit the category's schema.
    StatusTransitionError
        If the category's lifecycle does not allow the status.
    InvalidFieldError
        If the entry tells of a deprecation without being deprecated or archived.
    InvalidSchemaError, SchemaIncompatibleError
        If the entry holds a schema that is none, or that breaks the compatibility which the entry
        declared before.
    """
    rules = definitions.categories.get(draft.category)
    if rules is None:
        raise UnknownCategoryError(draft.category, definitions.category_names)
    if rules.schema is not None:
        faults = rules.schema.faults(draft.metadata)
        if faults:
            raise MetadataInvalidError(
                draft.category,
                rules.schema_version,
                tuple((f"/metadata{fault.pointer}", fault.detail) for fault in faults),
            )
    rules.lifecycle.check(None if before is None else before.status, draft.status)
    if draft.deprecation is not None and draft.status not in {
        EntryStatus.DEPRECATED,
        EntryStatus.ARCHIVED,
    }:
        raise InvalidFieldError(
            "deprecation",
            f"an entry that is {draft.status.value} is not deprecated",
            "Set the status to 'deprecated' or 'archived', or leave 'deprecation' out.",
        )
    if draft.category in _SCHEMA_HOLDERS:
        _check_held_schema(draft, before)


def _check_held_schema(draft: EntryDraft, before: EntryBefore | None) -> None:
    document = draft.metadata.get("schema")
    if isinstance(document, dict):
        try:
            MetadataSchema(cast("dict[str, Any]", document))
        except InvalidSchemaError as error:
            pointer = f"/metadata/schema{error.pointer}"
            raise InvalidSchemaError(pointer, error.reason) from error
    if before is None or before.category != draft.category:
        return
    known = before.metadata.get("schema")
    # What the entry promised its readers so far, not what the new version promises from now on.
    mode = CompatibilityMode(before.metadata.get("compatibility") or CompatibilityMode.NONE)
    if not isinstance(known, dict) or known == document or mode is CompatibilityMode.NONE:
        return
    subject = f"{draft.category} {draft.entry_id or draft.title!r}"
    if not isinstance(document, dict):
        raise SchemaIncompatibleError(subject, mode.value, (("", "the schema is left out"),))
    found = incompatibilities(cast("dict[str, Any]", known), cast("dict[str, Any]", document), mode)
    if found:
        places = tuple((place.pointer, place.reason) for place in found)
        raise SchemaIncompatibleError(subject, mode.value, places)
