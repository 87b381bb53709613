"""What is exported comes back by import, as of one moment, and holds nothing hidden."""

from collections.abc import Sequence
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest

from hyper_registry.catalog.export import ExportFormat, ExportService
from hyper_registry.catalog.sources.open_source import SourceKind, open_source
from hyper_registry.domain.entry import Entry, EntryDraft
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.domain.relationship import RelationshipDraft
from hyper_registry.storage.database import Database
from hyper_registry.storage.export_store import ExportStore
from tests.support.services import ADMIN, EDITOR, MODEL_ID, VIEWER, Services, build_services, draft
from tests.support.written_rows import clear

KINDS = {
    ExportFormat.NDJSON: SourceKind.JSONL,
    ExportFormat.CSV: SourceKind.CSV,
    ExportFormat.PARQUET: SourceKind.PARQUET,
}
AWKWARD = [
    draft(entry_id="plain"),
    draft(
        entry_id="quoted",
        title='commas, "quotes" and | pipes; =1+1',
        description="two\nlines\r\nand a tab\t",
        tags=["a|b", "c;d", "[e]", "ünï"],
        owner="Rosa 🌹",
        metadata={"nested": {"list": [1, 2.5, None, True]}, "text": "ä\u2028"},
        status="draft",
        compliance_status="exempt",
    ),
    draft(
        entry_id="private",
        owner="eve",
        security={"visibility": "private", "readers": ["group:x|y", "user:zoe"]},
    ),
]


def _exports(database: Database) -> ExportService:
    return ExportService(database, ExportStore(), MODEL_ID)


async def _exported(database: Database, principal: Principal, **options: object) -> bytes:
    stream = _exports(database).stream(
        principal,
        options.pop("kind", ExportFormat.NDJSON),  # pyright: ignore[reportArgumentType]
        **options,  # pyright: ignore[reportArgumentType]
    )
    return b"".join([part async for part in stream])


async def _register(services: Services, drafts: Sequence[EntryDraft]) -> None:
    for each in drafts:
        await services.entries.register(ADMIN, each)


async def _relate(services: Services, source: str, target: str) -> None:
    await services.relationships.create(
        ADMIN,
        RelationshipDraft.model_validate(
            {
                "source_id": source,
                "target_id": target,
                "rel_type": "calls",
                "weight": 0.25,
                "bidirectional": True,
                "metadata": {"why": "ü"},
            }
        ),
    )


def _written(entry: Entry) -> dict[str, object]:
    return {**entry.model_dump(include=set(EntryDraft.model_fields)), "sum": entry.checksum_hex}


@pytest.mark.parametrize("kind", ExportFormat)
async def test_an_import_brings_back_what_was_exported(
    database: Database, tmp_path: Path, kind: ExportFormat
):
    services = build_services(database)
    await _register(services, AWKWARD)
    await _relate(services, "plain", "quoted")
    before = [await services.entries.get(ADMIN, str(each.entry_id)) for each in AWKWARD]
    file = tmp_path / "entries"
    file.write_bytes(await _exported(database, ADMIN, kind=kind, links=True))
    await clear(database)
    outcome = await services.bulk.import_source(ADMIN, open_source(KINDS[kind], file))
    assert (outcome.created, outcome.related, outcome.bad_rows) == (len(AWKWARD), 1, [])
    after = [await services.entries.get(ADMIN, str(each.entry_id)) for each in AWKWARD]
    assert list(map(_written, after)) == list(map(_written, before))
    (link,) = await services.relationships.list_of(ADMIN, "plain")
    assert link.relationship.weight == 0.25
    assert link.relationship.bidirectional
    assert link.relationship.metadata == {"why": "ü"}


async def test_a_line_is_the_entry_as_it_is_read(database: Database):
    services = build_services(database)
    await _register(services, AWKWARD)
    lines = (await _exported(database, ADMIN)).splitlines()
    for line, each in zip(lines, AWKWARD, strict=True):
        read = await services.entries.get(ADMIN, str(each.entry_id))
        assert orjson.loads(line) == orjson.loads(read.model_dump_json(by_alias=True))


@pytest.mark.parametrize("kind", ExportFormat)
async def test_hidden_entries_and_links_to_them_are_left_out(
    database: Database, kind: ExportFormat
):
    services = build_services(database)
    await _register(services, AWKWARD)
    await _relate(services, "plain", "private")
    options = {"kind": kind, "links": True}
    seen = await _exported(database, VIEWER, **options)
    await services.entries.delete(ADMIN, "private")
    assert seen == await _exported(database, VIEWER, **options)
    assert b"private" not in seen.replace(b'"visibility":"private"', b"")


async def test_who_was_granted_a_private_entry_exports_it(database: Database):
    services = build_services(database)
    await _register(services, AWKWARD)
    zoe = Principal("zoe", Role.VIEWER)
    for principal, count in ((EDITOR, 3), (zoe, 3), (VIEWER, 2)):
        assert len((await _exported(database, principal)).splitlines()) == count


async def test_all_is_of_one_moment(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("hyper_registry.catalog.export._PAGE_ROWS", 10)
    services = build_services(database)
    await _register(services, [draft(entry_id=f"e{n:03}") for n in range(60)])
    stream = _exports(database).stream(ADMIN, ExportFormat.NDJSON)
    parts = [await anext(stream)]
    await services.entries.delete(ADMIN, "e059")
    await services.entries.replace(ADMIN, "e058", draft(title="Changed"))
    await services.entries.register(ADMIN, draft(entry_id="late"))
    parts += [part async for part in stream]
    documents = [orjson.loads(line) for line in b"".join(parts).splitlines()]
    assert [each["entry_id"] for each in documents] == [f"e{n:03}" for n in range(60)]
    assert {each["title"] for each in documents} == {"Weather agent"}


async def test_a_stream_that_is_given_up_gives_its_connection_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("hyper_registry.catalog.export._PAGE_ROWS", 1)
    services = build_services(database)
    await _register(services, AWKWARD)
    for _ in range(30):
        stream = _exports(database).stream(ADMIN, ExportFormat.NDJSON)
        await anext(stream)
        await stream.aclose()
    assert len((await _exported(database, ADMIN)).splitlines()) == len(AWKWARD)


async def test_only_the_categories_that_are_asked_for(database: Database):
    services = build_services(database)
    await _register(services, [*AWKWARD, draft(entry_id="m", category="model")])
    lines = (await _exported(database, ADMIN, categories=["model", "absent"])).splitlines()
    assert [orjson.loads(line)["entry_id"] for line in lines] == ["m"]


async def test_an_empty_registry_gives_whole_files(database: Database, tmp_path: Path):
    assert await _exported(database, ADMIN) == b""
    header = (await _exported(database, ADMIN, kind=ExportFormat.CSV)).decode()
    assert header.startswith("entry_id,handle,category,title")
    file = tmp_path / "entries.parquet"
    file.write_bytes(await _exported(database, ADMIN, kind=ExportFormat.PARQUET))
    assert pq.read_table(file).num_rows == 0


async def test_parquet_has_a_row_group_a_page(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("hyper_registry.catalog.export._ROW_GROUP_ROWS", 25)
    services = build_services(database)
    await _register(services, [draft(entry_id=f"e{n:03}") for n in range(60)])
    file = tmp_path / "entries.parquet"
    file.write_bytes(await _exported(database, ADMIN, kind=ExportFormat.PARQUET))
    metadata = pq.read_metadata(file)
    assert (metadata.num_rows, metadata.num_row_groups) == (60, 3)
