"""Importing a source: its entries batch by batch, then the links between them."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from hyper_registry.catalog.entries import EntryService
from hyper_registry.catalog.entry_batch import BatchOutcome
from hyper_registry.catalog.garbage import collected_rarely
from hyper_registry.catalog.link_spool import LinkSpool
from hyper_registry.catalog.prefetch import batches, prefetched, side_by_side
from hyper_registry.catalog.relationships import RelationshipService
from hyper_registry.catalog.sources.source import BadRow, Link, Source, SourceItem
from hyper_registry.domain.errors.relationship import RelationshipExistsError
from hyper_registry.domain.identifiers import EntryId
from hyper_registry.domain.principal import Principal
from hyper_registry.storage.bulk_store import EntryRow

_ENTRY_BATCH = 1_000
# Of two, one is made ready and answered for while Postgres writes the other.
_BATCHES_AT_ONCE = 2
_LINK_BATCH = 5_000


@dataclass(slots=True)
class ImportOutcome:
    """What became of the rows and the links of a source.

    Attributes
    ----------
    related, related_before
        Links that are relationships now: new ones, and those that were there already.
    dangling
        Links to entries that do not exist, or that the caller may not see.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    related: int = 0
    related_before: int = 0
    dangling: int = 0
    bad_rows: list[BadRow] = field(default_factory=list[BadRow])


class ImportStage(StrEnum):
    """What an import is writing; links come after all entries."""

    ENTRIES = "entries"
    LINKS = "links"


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """How far an import is; `total` is an estimate, or None, until its stage is done."""

    stage: ImportStage
    done: int
    total: int | None


class _Arrival(NamedTuple):
    """An item on its way to be written; `named` tells whether its source gave it the id."""

    row: int
    entry: EntryRow
    links: tuple[Link, ...]
    named: bool


class _WrittenBatch(NamedTuple):
    """What became of a batch; `size` counts its bad rows too."""

    size: int
    arrivals: list[_Arrival]
    result: BatchOutcome


class SourceImport:
    """One import of one source on behalf of a principal."""

    def __init__(
        self,
        entries: EntryService,
        relationships: RelationshipService,
        principal: Principal,
        source: Source,
        on_progress: Callable[[ImportProgress], None] | None,
    ) -> None:
        self._entries = entries
        self._relationships = relationships
        self._principal = principal
        self._source = source
        self._on_progress = on_progress
        self._outcome = ImportOutcome()
        self._rows: dict[EntryId, int] = {}

    async def run(self) -> ImportOutcome:
        """Import the source; see :meth:`BulkService.import_source`."""
        with LinkSpool() as links, collected_rarely():
            await self._write_entries(links)
            await self._write_links(links)
        self._outcome.bad_rows.sort(key=lambda bad: bad.row)
        return self._outcome

    async def _write_entries(self, links: LinkSpool) -> None:
        total = await asyncio.to_thread(self._source.estimate) if self._on_progress else None
        done = 0
        self._report(ImportStage.ENTRIES, done, total)
        arrivals = map(_arrival, self._source.read())
        async with (
            aclosing(prefetched(batches(arrivals, _ENTRY_BATCH))) as steps,
            aclosing(side_by_side(steps, self._write_batch, _BATCHES_AT_ONCE)) as written,
        ):
            async for batch in written:
                self._add_up(batch, links)
                done += batch.size
                self._report(ImportStage.ENTRIES, done, total)
        self._report(ImportStage.ENTRIES, done, done)

    async def _write_batch(self, batch: list[_Arrival | BadRow]) -> _WrittenBatch:
        arrivals = self._identify(batch)
        rows = {number: arrival.entry for number, arrival in enumerate(arrivals)}
        result = await self._entries.upsert_rows(self._principal, rows)
        return _WrittenBatch(len(batch), arrivals, result)

    def _add_up(self, batch: _WrittenBatch, links: LinkSpool) -> None:
        result = batch.result
        self._outcome.created += len(result.created)
        self._outcome.updated += len(result.updated)
        self._outcome.unchanged += len(result.unchanged)
        for number, arrival in enumerate(batch.arrivals):
            if number in result.refused:
                self._outcome.bad_rows.append(BadRow(arrival.row, str(result.refused[number])))
            elif arrival.links:
                links.add(arrival.entry.entry_id, arrival.links)

    def _identify(self, batch: list[_Arrival | BadRow]) -> list[_Arrival]:
        """Return what arrived first under its id; note bad rows and those that repeat an id."""
        firsts: list[_Arrival] = []
        for arrival in batch:
            if isinstance(arrival, BadRow):
                self._outcome.bad_rows.append(arrival)
                continue
            entry_id = arrival.entry.entry_id
            first_row = self._rows.get(entry_id)
            if first_row is not None:
                what = f"has the entry_id {entry_id!r}" if arrival.named else "is the entry"
                reason = f"{what} of row {first_row}; keep one of the two"
                self._outcome.bad_rows.append(BadRow(arrival.row, reason))
                continue
            self._rows[entry_id] = arrival.row
            firsts.append(arrival)
        return firsts

    async def _write_links(self, links: LinkSpool) -> None:
        done = 0
        self._report(ImportStage.LINKS, done, len(links))
        async with aclosing(prefetched(batches(links.drafts(), _LINK_BATCH))) as steps:
            async for batch in steps:
                created, refused = await self._relationships.create_many(
                    self._principal, dict(enumerate(batch))
                )
                before = sum(isinstance(e, RelationshipExistsError) for e in refused.values())
                self._outcome.related += len(created)
                self._outcome.related_before += before
                self._outcome.dangling += len(refused) - before
                done += len(batch)
                self._report(ImportStage.LINKS, done, len(links))

    def _report(self, stage: ImportStage, done: int, total: int | None) -> None:
        if self._on_progress is not None:
            self._on_progress(ImportProgress(stage, done, total))


def _arrival(item: SourceItem | BadRow) -> _Arrival | BadRow:
    """Compute in the reader's thread what can be known of an item before it is written."""
    if isinstance(item, BadRow):
        return item
    draft = item.draft
    if draft.entry_id is not None:
        return _Arrival(item.row, EntryRow.of(draft.entry_id, draft), item.links, named=True)
    # The id of an item that has none is its content's, so that importing again finds it.
    entry_id = EntryId(draft.checksum.hex()[:32])
    named = draft.model_copy(update={"entry_id": entry_id})
    return _Arrival(item.row, EntryRow.of(entry_id, named), item.links, named=False)
