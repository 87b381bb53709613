"""Many entries at once: good rows are written, bad ones are reported by number."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError

from hyper_registry.catalog.entries import EntryService
from hyper_registry.catalog.relationships import RelationshipService
from hyper_registry.catalog.source_import import ImportOutcome, ImportProgress, SourceImport
from hyper_registry.catalog.sources.source import Source
from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.errors.input import BulkRejectedError
from hyper_registry.domain.identifiers import EntryId
from hyper_registry.domain.principal import Principal, Role


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
        principal.require(Role.EDITOR, "import entries")
        return await SourceImport(
            self._entries, self._relationships, principal, source, on_progress
        ).run()


def validation_faults(error: ValidationError) -> str:
    """Return the faults pydantic found as one line: ``field: fault; …``."""
    return "; ".join(
        f"{'.'.join(map(str, fault['loc'])) or 'row'}: {fault['msg'].removeprefix('Value error, ')}"
        for fault in error.errors(include_url=False, include_input=False)
    )
