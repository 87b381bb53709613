"""Batches of entries: which rows can be written, and what becomes of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hyper_registry.catalog.entry_rules import EntryBefore, EntryRules
from hyper_registry.catalog.limits import CatalogLimits, check_limits
from hyper_registry.domain.entry import EntryDraft, new_entry_id
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.errors.entry import EntryExistsError
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.identifiers import EntryId
from hyper_registry.domain.principal import Principal
from hyper_registry.domain.type_definitions import TypeDefinitions
from hyper_registry.storage.bulk_store import BulkStore, EntryEvent, EntryRow, HeldEntry
from hyper_registry.storage.database import Connection


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

    def __init__(self, bulk: BulkStore, limits: CatalogLimits, rules: EntryRules) -> None:
        self._bulk = bulk
        self._limits = limits
        self._rules = rules

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
        definitions = await self._rules.current(connection)
        numbers = self._screen(drafts, outcome.refused)
        given = {id_: drafts[number] for id_, number in numbers.items()}
        rows = {id_: EntryRow.of(id_, draft) for id_, draft in given.items()}
        # By the definitions; what may not begin may still replace what lives.
        faults = {id_: self._admit(definitions, rows, id_) for id_ in rows}
        fresh = [row for id_, row in rows.items() if faults[id_] is None]
        written = await self._bulk.insert_entries(connection, fresh, principal.name)
        taken = rows.keys() - written.keys()
        held = await self._bulk.lock_entries(connection, taken, principal.grants) if taken else {}
        fates = dict.fromkeys(written, _Fate.CREATE)
        fates |= {id_: _fate(rows[id_], held.get(id_), replace=replace) for id_ in taken}
        for id_ in taken:
            living = held.get(id_)
            if fates[id_] is _Fate.UPDATE:
                rows[id_] = EntryRow.of(id_, given[id_])
                faults[id_] = self._admit(definitions, rows, id_, living)
                if living is not None and rows[id_].checksum == living.checksum:
                    fates[id_] = _Fate.KEEP
            elif living is not None and not living.deleted:
                faults[id_] = None
            if faults[id_] is not None:
                fates[id_] = _Fate.REFUSE
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
                    outcome.refused[number] = faults[id_] or EntryExistsError(id_)
        return outcome

    def _admit(
        self,
        definitions: TypeDefinitions,
        rows: dict[EntryId, EntryRow],
        entry_id: EntryId,
        held: HeldEntry | None = None,
    ) -> RegistryError | None:
        """Put a row into its stored form, beginning or in place of what is held.

        Returns
        -------
        RegistryError or None
            What the definitions have against it; the row stays as it is then.
        """
        row = rows[entry_id]
        before = held and EntryBefore(held.category, held.status, held.metadata, held.checksum)
        try:
            admitted = self._rules.admit(definitions, entry_id, row.draft, before)
        except RegistryError as error:
            return error
        if admitted is not row.draft:
            rows[entry_id] = EntryRow.of(entry_id, admitted)
        return None

    def _screen(
        self,
        drafts: Mapping[int, EntryDraft],
        refused: dict[int, RegistryError],
    ) -> dict[EntryId, int]:
        """Return the row number of each id to write, and note the other rows in `refused`."""
        numbers: dict[EntryId, int] = {}
        for number, draft in sorted(drafts.items()):
            entry_id = draft.entry_id or new_entry_id()
            try:
                check_limits(draft, self._limits)
                if entry_id in numbers:
                    raise EntryExistsError(entry_id)
            except (InvalidFieldError, EntryExistsError) as error:
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
