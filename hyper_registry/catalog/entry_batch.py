"""Batches of entries: which rows can be written, and what becomes of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hyper_registry.catalog.limits import CatalogLimits, check_limits
from hyper_registry.domain.entry import EntryDraft, new_entry_id
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.errors.entry import EntryExistsError
from hyper_registry.domain.errors.input import InvalidFieldError, UnknownCategoryError
from hyper_registry.domain.identifiers import EntryId
from hyper_registry.domain.principal import Principal
from hyper_registry.storage.bulk_store import BulkStore, EntryEvent, EntryRow, HeldEntry
from hyper_registry.storage.database import Connection
from hyper_registry.storage.entry_store import EntryStore


@dataclass(slots=True)
class BatchOutcome:
    """What became of the rows of a batch, by row number."""

    created: dict[int, EntryEvent] = field(default_factory=dict[int, EntryEvent])
    updated: dict[int, EntryEvent] = field(default_factory=dict[int, EntryEvent])
    unchanged: dict[int, EntryId] = field(default_factory=dict[int, EntryId])
    refused: dict[int, RegistryError] = field(default_factory=dict[int, RegistryError])


class _Fate(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    KEEP = "keep"
    REFUSE = "refuse"


class EntryBatchWriter:
    """Writes batches of entries, each entry with its version, its change and its audit row."""

    def __init__(self, entries: EntryStore, bulk: BulkStore, limits: CatalogLimits) -> None:
        self._entries = entries
        self._bulk = bulk
        self._limits = limits

    async def write(
        self,
        connection: Connection,
        principal: Principal,
        drafts: Mapping[int, EntryDraft],
        *,
        replace: bool,
        request_id: str | None,
    ) -> BatchOutcome:
        """Write those drafts that can be written, in the caller's transaction.

        Parameters
        ----------
        drafts
            By row number; of several with the same id the first is taken.
        replace
            Whether a draft replaces a living entry of its id where their content differs, instead
            of being refused. An id whose entry the caller may not see is refused in any case.
        """
        outcome = BatchOutcome()
        categories = await self._entries.list_categories(connection)
        numbers = self._screen(drafts, categories, outcome.refused)
        rows = {id_: EntryRow.of(id_, drafts[number]) for id_, number in numbers.items()}
        written = await self._bulk.insert_entries(connection, rows.values(), principal.name)
        taken = rows.keys() - written.keys()
        held = await self._bulk.lock_entries(connection, taken, principal.grants) if taken else {}
        fates = dict.fromkeys(written, _Fate.CREATE)
        fates |= {id_: _fate(rows[id_], held.get(id_), replace=replace) for id_ in taken}
        rewritten = [rows[id_] for id_ in taken if fates[id_] in {_Fate.CREATE, _Fate.UPDATE}]
        written |= await self._bulk.replace_entries(connection, rewritten, principal.name)
        events = {
            id_: EntryEvent(
                rows[id_],
                result,
                fates[id_],
                before_hash=held[id_].checksum if fates[id_] is _Fate.UPDATE else None,
            )
            for id_, result in written.items()
        }
        await self._bulk.journal_entries(
            connection, list(events.values()), principal.name, request_id
        )
        for id_, number in numbers.items():
            match fates[id_]:
                case _Fate.CREATE:
                    outcome.created[number] = events[id_]
                case _Fate.UPDATE:
                    outcome.updated[number] = events[id_]
                case _Fate.KEEP:
                    outcome.unchanged[number] = id_
                case _Fate.REFUSE:
                    outcome.refused[number] = EntryExistsError(id_)
        return outcome

    def _screen(
        self,
        drafts: Mapping[int, EntryDraft],
        categories: tuple[str, ...],
        refused: dict[int, RegistryError],
    ) -> dict[EntryId, int]:
        """Return the row number of each id to write, and note the other rows in `refused`."""
        numbers: dict[EntryId, int] = {}
        for number, draft in sorted(drafts.items()):
            entry_id = draft.entry_id or new_entry_id()
            try:
                check_limits(draft, self._limits)
                if draft.category not in categories:
                    raise UnknownCategoryError(draft.category, categories)
                if entry_id in numbers:
                    raise EntryExistsError(entry_id)
            except (InvalidFieldError, UnknownCategoryError, EntryExistsError) as error:
                refused[number] = error
            else:
                numbers[entry_id] = number
        return numbers


def _fate(row: EntryRow, held: HeldEntry | None, *, replace: bool) -> _Fate:
    """Decide about a row whose id is taken; None is held where the caller may not see by what."""
    if held is None:
        return _Fate.REFUSE
    if held.deleted:
        return _Fate.CREATE
    if not replace:
        return _Fate.REFUSE
    return _Fate.KEEP if held.checksum == row.checksum else _Fate.UPDATE
