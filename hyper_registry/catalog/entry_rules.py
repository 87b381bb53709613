"""What the definitions ask of an entry before it is written."""

from dataclasses import dataclass
from typing import Any, cast

from hyper_registry.catalog.definitions import HeldDefinitions
from hyper_registry.domain.category import Category
from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.entry_status import EntryStatus
from hyper_registry.domain.errors.input import InvalidFieldError, UnknownCategoryError
from hyper_registry.domain.errors.types import (
    InvalidSchemaError,
    MetadataInvalidError,
    SchemaIncompatibleError,
)
from hyper_registry.domain.metadata_schema import MetadataSchema
from hyper_registry.domain.schema_compatibility import CompatibilityMode, incompatibilities
from hyper_registry.domain.type_definitions import TypeDefinitions
from hyper_registry.storage.database import Connection

_SCHEMA_HOLDERS = frozenset({Category.EVENT_SCHEMA, Category.TASK_SCHEMA})


@dataclass(frozen=True, slots=True)
class EntryBefore:
    """What the rules need to know of the entry that a draft replaces."""

    category: str
    status: EntryStatus
    metadata: dict[str, Any]


class EntryRules:
    """Checks drafts against the definitions of their categories."""

    def __init__(self, definitions: HeldDefinitions) -> None:
        self._definitions = definitions

    async def current(self, connection: Connection) -> TypeDefinitions:
        """Return the definitions to check drafts with."""
        return await self._definitions.current(connection)

    async def check(
        self, connection: Connection, draft: EntryDraft, before: EntryBefore | None = None
    ) -> None:
        """Check one draft against the current definitions; see `check_draft`."""
        check_draft(await self.current(connection), draft, before)


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
