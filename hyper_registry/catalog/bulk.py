"""Many rows at once: good ones are written, bad ones are reported by number."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, ValidationError

from hyper_registry.catalog.entries import EntryService
from hyper_registry.catalog.entry_batch import Target
from hyper_registry.catalog.relationships import RelationshipService
from hyper_registry.catalog.source_import import ImportOutcome, ImportProgress, SourceImport
from hyper_registry.catalog.sources.source import Source
from hyper_registry.domain.entry import ENTRY_ID_PATTERN, EntryDraft
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.errors.input import BulkRejectedError
from hyper_registry.domain.identifiers import EntryId, RelationshipId
from hyper_registry.domain.principal import Principal
from hyper_registry.domain.relationship import RelationshipDraft
from hyper_registry.domain.text import Text

Id = TypeVar("Id", EntryId, RelationshipId)
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was not written: its number from 1 on, the error's code and message."""

    row: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class BulkOutcome(Generic[Id]):
    """What became of the rows of a bulk write: ids by row number from 1 on, and the others.

    An update that changed nothing is among the written ones.
    """

    written: dict[int, Id]
    rejected: list[RejectedRow]


class _UpdateRow(EntryDraft):
    """A draft of an entry that is there."""

    entry_id: Annotated[EntryId, StringConstraints(pattern=ENTRY_ID_PATTERN)]  # pyright: ignore[reportIncompatibleVariableOverride, reportGeneralTypeIssues]  # a row names its entry
    expected_version: Annotated[int, Field(ge=1)] | None = None


class _DeletionRow(BaseModel):
    """An entry to delete."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    entry_id: Text
    expected_version: Annotated[int, Field(ge=1)] | None = None


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
    ) -> BulkOutcome[EntryId]:
        """Register `rows`, each the JSON object of an entry draft.

        Raises
        ------
        BulkRejectedError
            If `atomic` and any row is invalid or exists: nothing is written then.
        PermissionDeniedError
            If the caller is no editor.
        """
        drafts, invalid = _parsed(EntryDraft, rows, atomic=atomic)
        registered, refused = await self._entries.register_many(
            principal, drafts, atomic=atomic, request_id=request_id
        )
        ids = {row: entry.entry_id for row, entry in registered.items()}
        return _outcome(ids, invalid, refused)

    async def update(
        self,
        principal: Principal,
        rows: Sequence[JsonValue],
        *,
        atomic: bool = False,
        request_id: str | None = None,
    ) -> BulkOutcome[EntryId]:
        """Replace entries by `rows`, each the JSON object of a draft with the id of its entry.

        A row may have the member ``expected_version``.

        Raises
        ------
        BulkRejectedError
            If `atomic` and any row is invalid, names no entry that the caller may see, or one of
            another version: nothing is written then.
        PermissionDeniedError
            If the caller is no editor.
        """
        parsed, invalid = _parsed(_UpdateRow, rows, atomic=atomic)
        drafts = {number: _draft(row) for number, row in parsed.items()}
        expected = {
            number: row.expected_version
            for number, row in parsed.items()
            if row.expected_version is not None
        }
        result = await self._entries.update_many(
            principal, drafts, expected=expected, atomic=atomic, request_id=request_id
        )
        ids = {row: event.row.entry_id for row, event in result.updated.items()}
        return _outcome(ids | result.unchanged, invalid, result.refused)

    async def delete(
        self,
        principal: Principal,
        rows: Sequence[JsonValue],
        *,
        atomic: bool = False,
        request_id: str | None = None,
    ) -> BulkOutcome[EntryId]:
        """Delete entries, each row an object of ``entry_id`` and maybe ``expected_version``.

        Raises
        ------
        BulkRejectedError
            If `atomic` and any row is refused: nothing is deleted then.
        PermissionDeniedError
            If the caller is no editor.
        """
        parsed, invalid = _parsed(_DeletionRow, rows, atomic=atomic)
        targets = {
            number: Target(
                EntryId(row.entry_id),
                None if row.expected_version is None else {row.expected_version},
            )
            for number, row in parsed.items()
        }
        result = await self._entries.delete_many(
            principal, targets, atomic=atomic, request_id=request_id
        )
        return _outcome(result.deleted, invalid, result.refused)

    async def relate(
        self,
        principal: Principal,
        rows: Sequence[JsonValue],
        *,
        atomic: bool = False,
        request_id: str | None = None,
    ) -> BulkOutcome[RelationshipId]:
        """Relate entries by `rows`, each the JSON object of a relationship draft.

        Raises
        ------
        BulkRejectedError
            If `atomic` and any row is refused: nothing is written then.
        PermissionDeniedError
            If the caller is no editor.
        """
        drafts, invalid = _parsed(RelationshipDraft, rows, atomic=atomic)
        created, refused = await self._relationships.create_many(
            principal, drafts, atomic=atomic, request_id=request_id
        )
        return _outcome(created, invalid, refused)

    async def import_source(
        self,
        principal: Principal,
        source: Source,
        *,
        on_progress: Callable[[ImportProgress], None] | None = None,
    ) -> ImportOutcome:
        """Register what is new in `source`, replace what changed, then relate it.

        Importing the same source again changes nothing, also where its items have no ids: theirs
        follow from their content. Bad rows and links to entries that do not exist are counted and
        passed over. Links that the source held at an earlier import and holds no more stay.

        The source is read in a thread, and written in batches of one transaction each. What was
        written before an error stays; importing again goes on from there.

        Parameters
        ----------
        on_progress
            Called before the first and after each batch of a stage.

        Raises
        ------
        SourceUnavailableError
            If the source cannot be read at all, or not to its end.
        PermissionDeniedError
            If the caller is no editor.
        DatabaseUnavailableError
            If Postgres goes away.
        """
        principal.require_some_writing("import entries")
        return await SourceImport(
            self._entries, self._relationships, principal, source, on_progress
        ).run()


def _parsed(
    model: type[M], rows: Sequence[JsonValue], *, atomic: bool
) -> tuple[dict[int, M], list[RejectedRow]]:
    """Validate rows, numbered from 1 on.

    Raises
    ------
    BulkRejectedError
        If `atomic` and a row is invalid.
    """
    parsed: dict[int, M] = {}
    invalid: list[RejectedRow] = []
    for number, row in enumerate(rows, start=1):
        try:
            parsed[number] = model.model_validate(row)
        except ValidationError as error:
            invalid.append(RejectedRow(number, "invalid_field", validation_faults(error)))
    if atomic and invalid:
        raise BulkRejectedError(tuple((r.row, r.code, r.message) for r in invalid))
    return parsed, invalid


def _draft(row: _UpdateRow) -> EntryDraft:
    """Return the draft in a row, without checking it again."""
    return EntryDraft.model_construct(
        **{name: getattr(row, name) for name in EntryDraft.model_fields}
    )


def _outcome(
    written: dict[int, Id], invalid: list[RejectedRow], refused: Mapping[int, RegistryError]
) -> BulkOutcome[Id]:
    rejected = invalid + [
        RejectedRow(row, error.code, str(error)) for row, error in refused.items()
    ]
    return BulkOutcome(written, sorted(rejected, key=lambda item: item.row))


def validation_faults(error: ValidationError) -> str:
    """Return the faults pydantic found as one line: ``field: fault; …``."""
    return "; ".join(
        f"{'.'.join(map(str, fault['loc'])) or 'row'}: {fault['msg'].removeprefix('Value error, ')}"
        for fault in error.errors(include_url=False, include_input=False)
    )
