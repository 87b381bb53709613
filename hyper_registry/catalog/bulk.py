"""Bulk registration: good rows are written, bad ones are reported by number."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue, ValidationError

from hyper_registry.catalog.entries import EntryService
from hyper_registry.catalog.relationships import RelationshipService
from hyper_registry.catalog.sources.source import BadRow, Source, SourceItem
from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.errors import (
    BulkRejectedError,
    DanglingRelationshipError,
    EntryExistsError,
    InvalidFieldError,
    RelationshipExistsError,
    SelfRelationshipError,
)
from hyper_registry.domain.identifiers import EntryId
from hyper_registry.domain.principal import Principal
from hyper_registry.domain.relationship import RelationshipDraft


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was not written: its number from 1 on, the error's code and message."""

    row: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """What became of the rows of a bulk registration, by row number from 1 on."""

    registered: dict[int, EntryId]
    rejected: list[RejectedRow]


@dataclass(slots=True)
class ImportOutcome:
    """Counts of one import, and the rows it passed over."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    related: int = 0
    dangling: int = 0
    bad_rows: list[BadRow] = field(default_factory=list[BadRow])


class BulkService:
    """Writes many entries on behalf of a principal."""

    def __init__(self, entries: EntryService, relationships: RelationshipService) -> None:
        self._entries = entries
        self._relationships = relationships

    async def register(
        self,
        principal: Principal,
        rows: Sequence[JsonValue],
        *,
        atomic: bool = False,
        request_id: str | None = None,
    ) -> BulkOutcome:
        """Register `rows`, each the JSON object of an entry draft.

        Raises
        ------
        BulkRejectedError
            If `atomic` and any row is invalid or exists: nothing is written then.
        PermissionDeniedError
            If the caller is no editor.
        """
        drafts: dict[int, EntryDraft] = {}
        rejected: list[RejectedRow] = []
        for number, row in enumerate(rows, start=1):
            try:
                drafts[number] = EntryDraft.model_validate(row)
            except ValidationError as error:
                rejected.append(RejectedRow(number, "invalid_field", validation_faults(error)))
        if atomic and rejected:
            raise BulkRejectedError(tuple((r.row, r.code, r.message) for r in rejected))
        registered, refused = await self._entries.register_many(
            principal, drafts, atomic=atomic, request_id=request_id
        )
        rejected += [RejectedRow(row, error.code, str(error)) for row, error in refused.items()]
        rejected.sort(key=lambda item: item.row)
        return BulkOutcome({row: entry.entry_id for row, entry in registered.items()}, rejected)

    async def import_source(self, principal: Principal, source: Source) -> ImportOutcome:
        """Register what is new in `source`, replace what changed, then relate it.

        Importing the same source again changes nothing. Bad rows and links to entries that do
        not exist are counted and passed over.

        Raises
        ------
        SourceUnavailableError
            If the source cannot be read at all.
        PermissionDeniedError
            If the caller is no editor.
        """
        outcome = ImportOutcome()
        edges: list[RelationshipDraft] = []
        for number, item in enumerate(source.read(), start=1):
            if isinstance(item, BadRow):
                outcome.bad_rows.append(item)
                continue
            try:
                entry_id = await self._upsert(principal, item.draft, outcome)
            except InvalidFieldError as error:
                outcome.bad_rows.append(BadRow(number, str(error)))
                continue
            edges += _edges(entry_id, item)
        for edge in edges:
            await self._relate(principal, edge, outcome)
        return outcome

    async def _upsert(
        self, principal: Principal, draft: EntryDraft, outcome: ImportOutcome
    ) -> EntryId:
        try:
            entry = await self._entries.register(principal, draft)
        except EntryExistsError as error:
            before = await self._entries.get(principal, error.entry_id)
            entry = await self._entries.replace(principal, error.entry_id, draft)
            if entry.version == before.version:
                outcome.unchanged += 1
            else:
                outcome.updated += 1
        else:
            outcome.created += 1
        return entry.entry_id

    async def _relate(
        self, principal: Principal, edge: RelationshipDraft, outcome: ImportOutcome
    ) -> None:
        try:
            await self._relationships.create(principal, edge)
        except (DanglingRelationshipError, SelfRelationshipError):
            outcome.dangling += 1
        except RelationshipExistsError:
            outcome.related += 1
        else:
            outcome.related += 1


def validation_faults(error: ValidationError) -> str:
    """Return the faults pydantic found as one line: ``field: fault; …``."""
    return "; ".join(
        f"{'.'.join(map(str, fault['loc'])) or 'row'}: {fault['msg'].removeprefix('Value error, ')}"
        for fault in error.errors(include_url=False, include_input=False)
    )


def _edges(entry_id: EntryId, item: SourceItem) -> list[RelationshipDraft]:
    return [
        RelationshipDraft(
            source_id=entry_id,
            target_id=EntryId(link.target_id),
            rel_type=link.rel_type,
            metadata=dict(link.metadata),
        )
        for link in item.links
    ]
