"""Batches of entries: which rows can be written, and what becomes of each."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hyper_registry.catalog.batch_digest import batch_digest
from hyper_registry.catalog.entry_rules import EntryBefore, EntryRules
from hyper_registry.catalog.handle_rules import with_kept_handle
from hyper_registry.catalog.limits import CatalogLimits, check_limits
from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.errors.access import PermissionDeniedError
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.errors.entry import (
    EntryExistsError,
    EntryNotFoundError,
    VersionConflictError,
    check_version,
)
from hyper_registry.domain.errors.identity import (
    HandleFixedError,
    HandleTakenError,
    UnknownNamespaceError,
)
from hyper_registry.domain.errors.input import (
    InvalidFieldError,
    RepeatedRowError,
)
from hyper_registry.domain.identifiers import EntryId
from hyper_registry.domain.principal import Principal
from hyper_registry.domain.type_definitions import TypeDefinitions
from hyper_registry.storage.bulk_store import BulkStore, EntryEvent, EntryRow, HeldEntry
from hyper_registry.storage.database import Connection
from hyper_registry.storage.entry_store import WrittenEntry
from hyper_registry.storage.journal_store import JournalStore


@dataclass(slots=True)
class BatchOutcome:
    """What became of the rows of a batch, by row number."""

    created: dict[int, EntryEvent] = field(default_factory=dict[int, EntryEvent])
    updated: dict[int, EntryEvent] = field(default_factory=dict[int, EntryEvent])
    unchanged: dict[int, EntryId] = field(default_factory=dict[int, EntryId])
    deleted: dict[int, EntryId] = field(default_factory=dict[int, EntryId])
    refused: dict[int, RegistryError] = field(default_factory=dict[int, RegistryError])


@dataclass(frozen=True, slots=True)
class BatchAudit:
    """How the one audit row of a batch names it."""

    action: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """An entry that a row of a batch is about; None expects any version."""

    entry_id: EntryId
    expected_versions: Collection[int] | None = None


class BatchMode(StrEnum):
    """What a batch may do with a draft whose id is there, and with one whose id is not."""

    CREATE = "create"
    UPSERT = "upsert"
    UPDATE = "update"


_REFUSALS = (
    EntryExistsError,
    EntryNotFoundError,
    VersionConflictError,
    HandleFixedError,
    PermissionDeniedError,
)


class _Fate(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    KEEP = "keep"
    REFUSE = "refuse"


@dataclass(slots=True)
class _Pending:
    """The rows of a batch on their way.

    Attributes
    ----------
    given
        The rows as they came, with the handles that their entries have.
    rows
        In their stored form, where the definitions admit them.
    faults
        What is against a row that would begin an entry: it may still replace what lives.
    """

    definitions: TypeDefinitions
    principal: Principal
    mode: BatchMode
    given: dict[EntryId, EntryRow]
    rows: dict[EntryId, EntryRow]
    faults: dict[EntryId, RegistryError | None] = field(
        default_factory=dict[EntryId, RegistryError | None]
    )


class EntryBatchWriter:
    """Writes batches of entries, each batch with one audit row."""

    def __init__(
        self, bulk: BulkStore, journal: JournalStore, limits: CatalogLimits, rules: EntryRules
    ) -> None:
        self._bulk = bulk
        self._journal = journal
        self._limits = limits
        self._rules = rules

    async def write(
        self,
        connection: Connection,
        principal: Principal,
        given: Mapping[int, EntryRow],
        audit: BatchAudit,
        mode: BatchMode,
        *,
        expected: Mapping[int, int] | None = None,
    ) -> BatchOutcome:
        """Write those rows that can be written, in the caller's transaction.

        Parameters
        ----------
        given
            By row number; of several with the same id the first is taken. An id whose entry the
            caller may not see is refused in any case.
        expected
            By row number, the version that a living entry must be at.
        """
        outcome = BatchOutcome()
        definitions = await self._rules.current(connection)
        numbers = self._screen(given, outcome.refused, mode)
        await self._screen_names(connection, given, numbers, outcome.refused)
        rows = {id_: given[number] for id_, number in numbers.items()}
        pending = _Pending(definitions, principal, mode, dict(rows), rows)
        written: dict[EntryId, WrittenEntry] = {}
        if mode is not BatchMode.UPDATE:
            pending.faults = {id_: self._begun(pending, id_) for id_ in rows}
            fresh = [row for id_, row in rows.items() if pending.faults[id_] is None]
            written = await self._bulk.insert_entries(connection, fresh, principal.name)
        taken = rows.keys() - written.keys()
        held = await self._bulk.lock_entries(connection, taken, principal.grants) if taken else {}
        fates = dict.fromkeys(written, _Fate.CREATE)
        for id_ in taken:
            version = (expected or {}).get(numbers[id_])
            fates[id_], fault = self._decided(pending, id_, held.get(id_), version)
            if fault is not None:
                fates[id_] = _Fate.REFUSE
                outcome.refused[numbers[id_]] = fault
        rewritten = [rows[id_] for id_ in taken if fates[id_] in {_Fate.CREATE, _Fate.UPDATE}]
        written |= await self._bulk.replace_entries(connection, rewritten, principal.name)
        for id_, number in numbers.items():
            match fates[id_]:
                case _Fate.CREATE:
                    outcome.created[number] = EntryEvent(rows[id_], written[id_])
                case _Fate.UPDATE:
                    outcome.updated[number] = EntryEvent(rows[id_], written[id_])
                case _Fate.KEEP:
                    outcome.unchanged[number] = id_
                case _Fate.REFUSE:
                    pass
        digest = batch_digest((id_, w.version, rows[id_].checksum) for id_, w in written.items())
        await self._append_audit(connection, principal, audit, outcome, digest)
        return outcome

    async def delete(
        self,
        connection: Connection,
        principal: Principal,
        targets: Mapping[int, Target],
        audit: BatchAudit,
    ) -> BatchOutcome:
        """Delete those entries that can be deleted, in the caller's transaction.

        Parameters
        ----------
        targets
            By row number; of several with the same id the first is taken.
        """
        outcome = BatchOutcome()
        numbers: dict[EntryId, int] = {}
        ids = {target.entry_id for target in targets.values()}
        held = await self._bulk.lock_entries(connection, ids, principal.grants)
        for number, target in sorted(targets.items()):
            entry = held.get(target.entry_id)
            try:
                if target.entry_id in numbers:
                    raise RepeatedRowError(target.entry_id)
                if entry is None or entry.deleted:
                    raise EntryNotFoundError(target.entry_id)
                principal.require_writing_in(entry.namespace, "delete entries")
                check_version(target.entry_id, target.expected_versions, entry.version)
            except (RepeatedRowError, *_REFUSALS) as error:
                outcome.refused[number] = error
            else:
                numbers[target.entry_id] = number
        versions = await self._bulk.delete_entries(connection, numbers, principal.name)
        outcome.deleted = {numbers[id_]: id_ for id_ in versions}
        digest = batch_digest((id_, version, b"") for id_, version in versions.items())
        await self._append_audit(connection, principal, audit, outcome, digest)
        return outcome

    async def _append_audit(
        self,
        connection: Connection,
        principal: Principal,
        audit: BatchAudit,
        outcome: BatchOutcome,
        digest: bytes,
    ) -> None:
        done = {
            "created": len(outcome.created),
            "updated": len(outcome.updated),
            "deleted": len(outcome.deleted),
        }
        counts = {name: number for name, number in done.items() if number}
        if not counts:
            return
        await self._journal.append_audit(
            connection,
            actor=principal.name,
            action=audit.action,
            target=None,
            request_id=audit.request_id,
            after_hash=digest,
            detail=counts,
        )

    async def _screen_names(
        self,
        connection: Connection,
        given: Mapping[int, EntryRow],
        numbers: dict[EntryId, int],
        refused: dict[int, RegistryError],
    ) -> None:
        """Drop the rows whose handle is another entry's, or of no namespace; note them as refused.

        Batches without handles cost no statement.
        """
        forms = {id_: given[number].draft.handle_form for id_, number in numbers.items()}
        named = {id_: form for id_, form in forms.items() if form is not None}
        if not named:
            return
        names = await self._bulk.hold_names(connection, sorted(set(named.values())))
        holders = dict(names.holders)
        for id_, form in named.items():
            draft = given[numbers[id_]].draft
            error: RegistryError | None = None
            if draft.namespace not in names.namespaces:
                error = UnknownNamespaceError(draft.namespace or "")
            elif holders.setdefault(form, id_) != id_:
                error = HandleTakenError(draft.handle or "")
            if error is not None:
                refused[numbers.pop(id_)] = error

    def _decided(
        self, pending: _Pending, entry_id: EntryId, held: HeldEntry | None, expected: int | None
    ) -> tuple[_Fate, RegistryError | None]:
        """Return what becomes of a row that was not inserted, and what is against that."""
        rows = pending.rows
        try:
            if held is not None:
                given = pending.given[entry_id].draft
                kept = _kept(pending.principal, held, given)
                if kept is not given:
                    pending.given[entry_id] = rows[entry_id] = EntryRow.of(entry_id, kept)
                    pending.faults[entry_id] = self._begun(pending, entry_id)
            fate = _fate(rows[entry_id], held, pending.mode, expected)
        except _REFUSALS as error:
            # Who gave a row that the definitions refuse learns that, if the id is free to them.
            fault = error if held is not None else pending.faults.get(entry_id) or error
            return _Fate.REFUSE, fault
        if fate is _Fate.KEEP:
            return fate, None
        if fate is _Fate.CREATE:
            return fate, pending.faults.get(entry_id)
        rows[entry_id] = pending.given[entry_id]
        fault = self._admit(pending.definitions, rows, entry_id, held)
        if held is not None and rows[entry_id].checksum == held.checksum:
            fate = _Fate.KEEP
        return fate, fault

    def _begun(self, pending: _Pending, entry_id: EntryId) -> RegistryError | None:
        """Return what is against a row that begins an entry; see `_admit`."""
        namespace = pending.rows[entry_id].draft.namespace
        try:
            pending.principal.require_writing_in(namespace, "register entries")
        except PermissionDeniedError as error:
            return error
        return self._admit(pending.definitions, pending.rows, entry_id)

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
        before = held and EntryBefore(
            held.category, held.status, held.metadata, held.checksum, held.assessed_status
        )
        try:
            admitted = self._rules.admit(definitions, entry_id, row.draft, before)
        except RegistryError as error:
            return error
        if admitted is not row.draft:
            rows[entry_id] = EntryRow.of(entry_id, admitted)
        return None

    def _screen(
        self,
        given: Mapping[int, EntryRow],
        refused: dict[int, RegistryError],
        mode: BatchMode,
    ) -> dict[EntryId, int]:
        """Return the row number of each id to write, and note the other rows in `refused`."""
        numbers: dict[EntryId, int] = {}
        for number, row in sorted(given.items()):
            entry_id = row.entry_id
            try:
                check_limits(row.draft, self._limits, row.metadata_bytes)
                if entry_id in numbers:
                    repeated = RepeatedRowError if mode is BatchMode.UPDATE else EntryExistsError
                    raise repeated(entry_id)
            except (
                InvalidFieldError,
                RepeatedRowError,
                EntryExistsError,
            ) as error:
                refused[number] = error
            else:
                numbers[entry_id] = number
        return numbers


def _kept(principal: Principal, held: HeldEntry, draft: EntryDraft) -> EntryDraft:
    """Return a draft with the handle that the held entry has, or gets.

    Raises
    ------
    PermissionDeniedError
        If the caller may not write the entry.
    HandleFixedError
        If the draft has another handle.
    """
    principal.require_writing_in(held.namespace, "change entries")
    kept = with_kept_handle(draft, held.handle)
    principal.require_writing_in(kept.namespace, "change entries")
    return kept


def _fate(row: EntryRow, held: HeldEntry | None, mode: BatchMode, expected: int | None) -> _Fate:
    """Decide about a row that was not inserted.

    Parameters
    ----------
    held
        The entry of its id; None where there is none that the caller may see.

    Raises
    ------
    EntryExistsError, EntryNotFoundError, VersionConflictError
        If the row is refused.
    """
    if mode is BatchMode.UPDATE:
        if held is None or held.deleted:
            raise EntryNotFoundError(row.entry_id)
        check_version(row.entry_id, None if expected is None else {expected}, held.version)
    elif held is None:
        raise EntryExistsError(row.entry_id)
    elif held.deleted:
        return _Fate.CREATE
    elif mode is BatchMode.CREATE:
        raise EntryExistsError(row.entry_id)
    return _Fate.KEEP if held.checksum == row.checksum else _Fate.UPDATE
