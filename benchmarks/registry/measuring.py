"""What each figure of the registry is measured by."""

import resource
import statistics
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from benchmarks.registry.packages import GROUPS
from hyper_registry.catalog.definitions import HeldDefinitions
from hyper_registry.catalog.entries import EntryService
from hyper_registry.catalog.entry_rules import EntryRules
from hyper_registry.catalog.export import ExportFormat
from hyper_registry.catalog.limits import CatalogLimits
from hyper_registry.catalog.sources.parquet import ParquetSource
from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.principal import LOCAL_ADMIN, Principal, Role
from hyper_registry.domain.search import SearchMode, SearchQuery
from hyper_registry.registry import Registry
from hyper_registry.storage.bulk_store import BulkStore
from hyper_registry.storage.database import Connection, Database, connect
from hyper_registry.storage.entry_store import EntryStore
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.type_store import TypeStore

_BULK_ROWS = 100
_BLOCKS = 8
_WRITES = 150
_READS = 300
_SEARCHES = 60
_QUERIES = ("parser", "web framework", "machine learning", "typed client", "image resize")
# Everybody who is no administrator, and who holds some groups, is asked for by the rule.
_MEMBER = Principal("member", Role.VIEWER, frozenset(f"g{n}" for n in range(GROUPS // 2)))

Operation = Callable[[int], Awaitable[object]]
Block = Callable[[Sequence[int]], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Imported:
    """An import as a whole, and the process's largest memory by its end."""

    rows: int
    seconds: float
    cpu_s: float
    peak_mib: float


async def measure_import(registry: Registry, file: Path) -> Imported:
    """Import a Parquet file into the empty registry.

    Raises
    ------
    RuntimeError
        If a row was not written.
    """
    began, cpu_s = time.perf_counter(), time.process_time()
    outcome = await registry.bulk.import_source(LOCAL_ADMIN, ParquetSource(file))
    seconds = time.perf_counter() - began
    if outcome.bad_rows:
        msg = f"{len(outcome.bad_rows)} rows were refused: {outcome.bad_rows[0].reason}"
        raise RuntimeError(msg)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Imported(outcome.created, seconds, time.process_time() - cpu_s, peak_mib)


@asynccontextmanager
async def owner_connection(database: Database) -> AsyncGenerator[Connection]:
    """Lend a connection of who owns the tables, which the registry's own roles do not."""
    connection = await connect(database.dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def measure_bare_insert(database: Database, rows: int) -> float:
    """Return rows a second of Postgres alone: the same rows and indexes, nothing recorded."""
    async with owner_connection(database) as connection:
        await connection.execute("create table bare (like entry including all)")
        columns = await connection.fetchval(
            """
            select string_agg(quote_ident(attname), ', ') from pg_attribute
            where attrelid = 'entry'::regclass and attnum > 0 and not attisdropped
                and attgenerated = '' and attidentity = ''
            """
        )
        began = time.perf_counter()
        await connection.execute(
            f"insert into bare ({columns}) select {columns} from entry limit {rows}"  # noqa: S608 (both are our own)
        )
        seconds = time.perf_counter() - began
        await connection.execute("drop table bare")
    return rows / seconds


async def measure_export(registry: Registry, kind: ExportFormat, rows: int) -> float:
    """Return rows a second of an export of everything; lines of NDJSON are counted."""
    lines = 0
    began = time.perf_counter()
    async with aclosing(registry.exports.stream(LOCAL_ADMIN, kind)) as stream:
        async for chunk in stream:
            lines += chunk.count(b"\n")
    seconds = time.perf_counter() - began
    if kind is ExportFormat.NDJSON and lines != rows:
        msg = f"{lines} of {rows} entries were exported"
        raise RuntimeError(msg)
    return rows / seconds


async def measure_bulk_register(registry: Registry, rounds: int) -> list[float]:
    """Return the milliseconds of each registration of 100 entries, ascending."""
    times_ms: list[float] = []
    for round_number in range(rounds):
        rows = [_draft("bulk", round_number * _BULK_ROWS + row) for row in range(_BULK_ROWS)]
        documents = [row.model_dump(mode="json") for row in rows]
        began = time.perf_counter()
        outcome = await registry.bulk.register(LOCAL_ADMIN, documents)
        times_ms.append((time.perf_counter() - began) * 1_000)
        if len(outcome.written) != _BULK_ROWS:
            msg = f"only {len(outcome.written)} of {_BULK_ROWS} entries were registered"
            raise RuntimeError(msg)
    return sorted(times_ms)


class _NoAudit(JournalStore):
    @override
    async def append_audit(self, *_: object, **__: object) -> None:
        return None


async def measure_history_overhead(database: Database, model_id: str) -> float:
    """Return what a write costs against the same one without version, change and audit row.

    The writes are registrations and replacements in equal number; the two kinds alternate, and
    the triggers that record are off for the second.
    """
    recorded = _entry_service(database, JournalStore(), model_id)
    bare = _entry_service(database, _NoAudit(), model_id)

    async def triggers(state: str) -> None:
        async with owner_connection(database) as owner:
            await owner.execute(f"alter table entry {state} trigger user")

    def write(service: EntryService, name: str) -> Operation:
        async def once(number: int) -> None:
            entry = await service.register(LOCAL_ADMIN, _draft(name, number))
            await service.replace(LOCAL_ADMIN, entry.entry_id, _draft(name, number, "Changed"))

        return once

    async def with_records(numbers: Sequence[int]) -> float:
        return await _timed(write(recorded, "recorded"), numbers)

    async def without_records(numbers: Sequence[int]) -> float:
        await triggers("disable")
        try:
            return await _timed(write(bare, "bare"), numbers)
        finally:
            await triggers("enable")

    return await _ratio(with_records, without_records, _WRITES)


async def measure_rule_overhead(registry: Registry, entry_ids: Sequence[str]) -> dict[str, float]:
    """Return what GET and search cost by the permission rule, against an administrator's."""

    def get(principal: Principal) -> Operation:
        return lambda number: registry.entries.get(principal, entry_ids[number % len(entry_ids)])

    def search(principal: Principal) -> Operation:
        return lambda number: registry.search.search(
            principal,
            SearchQuery(query=_QUERIES[number % len(_QUERIES)], mode=SearchMode.TEXT, limit=10),
        )

    return {
        "get": await _rule_ratio(get, _READS),
        "search": await _rule_ratio(search, _SEARCHES),
    }


async def _rule_ratio(operation: Callable[[Principal], Operation], times: int) -> float:
    def timed(principal: Principal) -> Block:
        return lambda numbers: _timed(operation(principal), numbers)

    return await _ratio(timed(_MEMBER), timed(LOCAL_ADMIN), times)


async def _ratio(dear: Block, cheap: Block, times: int) -> float:
    """Return the ratio of the medians of two measurements, each of which goes first by turns."""
    seconds: dict[Block, list[float]] = {dear: [], cheap: []}
    for number in range(_BLOCKS):
        numbers = range(number * times, (number + 1) * times)
        for block in (dear, cheap) if number % 2 == 0 else (cheap, dear):
            seconds[block].append(await block(numbers))
    return statistics.median(seconds[dear]) / statistics.median(seconds[cheap])


async def _timed(operation: Operation, numbers: Sequence[int]) -> float:
    began = time.perf_counter()
    for number in numbers:
        await operation(number)
    return time.perf_counter() - began


def _entry_service(database: Database, journal: JournalStore, model_id: str) -> EntryService:
    definitions = HeldDefinitions(TypeStore())
    # A server hears of changes to definitions, and so asks nothing about them.
    definitions.changes.on_listening()
    rules = EntryRules(definitions)
    return EntryService(
        database, EntryStore(), BulkStore(), journal, CatalogLimits(), model_id, rules
    )


def _draft(name: str, number: int, title: str = "Measured") -> EntryDraft:
    return EntryDraft.model_validate(
        {
            "entry_id": f"{name}-{number}",
            "category": "service",
            "title": f"{title} {number}",
            "description": "An entry of some length, as people write them: one or two sentences.",
            "tags": ["measured", name],
            "metadata": {"number": number, "nested": {"list": [1, 2, 3]}},
        }
    )
