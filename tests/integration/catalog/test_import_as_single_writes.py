"""An import of a table leaves the rows, and names the faults, that single registrations do."""

# pyright: reportMissingTypeStubs=false
# pyarrow ships no type information.

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from hyper_registry.catalog.limits import CatalogLimits
from hyper_registry.catalog.sources.parquet import ParquetSource
from hyper_registry.catalog.sources.source import validation_reason
from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.storage.database import Database
from tests.support.evaluation_data import evaluation_folder
from tests.support.services import ADMIN, Services, build_services
from tests.support.written_rows import clear, written_rows

Record = dict[str, Any]

_LIMITS = CatalogLimits(
    title_characters=60, description_characters=200, tags=4, readers=3, metadata_bytes=120
)
_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("entry_id", "category", "title", "description")),
        *((name, pa.string()) for name in ("status", "owner", "compliance_status", "visibility")),
        *((name, pa.list_(pa.string())) for name in ("tags", "readers", "sensitive")),
        *((name, pa.string()) for name in ("metadata", "deprecation")),
    ]
)
_TEXTS = (
    *("plain", " padded ", 'quo"te', "back\\slash\\", "{brace,comma}", "NULL", "\\N", "'--"),
    *("Naïve 日本 🦊", "e\u0301", "\u200b", "\ufffe", "\U0010ffff"),
)
_ODD_TEXTS = ("x" * 70, "a\tb", "two\nlines", "nul\x00", "\x85", "\u2028", "   ")
_METADATA: tuple[Record, ...] = (
    {},
    {"b": 1, "a": {"z": None, "y": [True, 0.1, -0.0, 1e300, 5e-324, 2**63 - 1]}},
    {"text": 'quo"te \\ \x07 日本 🦊 \u2028'},
    {"": {"": []}},
)
_ODD_METADATA: tuple[Record, ...] = (
    {"n": 2**63},
    {"nul": "\x00"},
    {"long": "x" * 200},
    {"$sealed": {}},
    {"key": {"$sealed": True}},
)
_DEPRECATIONS: tuple[Record, ...] = (
    {"since": "2026-01-31T12:00:00.5+02:00", "successor": "a-b", "note": ' a "note" '},
    {"sunset": "2026-01-31T12:00:00"},
    {"note": ""},
)


def _random_record(number: int, chance: random.Random) -> Record:
    """A record that is mostly good; None leaves a field out."""

    def mostly(good: Sequence[Any], odd: Sequence[Any]) -> Any:
        return chance.choice(good if chance.random() < 0.97 else odd)

    def text() -> str:
        return mostly(_TEXTS, _ODD_TEXTS)

    return {
        "entry_id": mostly([None, f"e{number}", f"e:{number}.x+~"], ["no id", "e1"]),
        "category": mostly(["agent", "model"], ["Odd one", "unknown"]),
        "title": f"{number} {text()}",
        "description": chance.choice([None, text()]),
        "status": mostly([None, "draft", "deprecated"], ["gone"]),
        "owner": chance.choice([None, text()]),
        "compliance_status": mostly([None, "exempt"], ["so-so"]),
        "visibility": mostly([None, "public", "private"], ["secret"]),
        "tags": [text() for _ in range(mostly(range(4), [5]))],
        "readers": mostly([[], ["group:a b", 'group:"'], ["user:\\", "user:é"]], [["nobody"]]),
        "sensitive": mostly([None], [["/key"]]),
        "metadata": mostly(_METADATA, _ODD_METADATA),
        "deprecation": chance.choice([None, None, mostly(_DEPRECATIONS[:1], _DEPRECATIONS)]),
    }


def _file(path: Path, records: Sequence[Record]) -> Path:
    def cell(name: str, value: object) -> object:
        as_json = name in {"metadata", "deprecation"} and value is not None
        return json.dumps(value) if as_json else value

    rows = [{name: cell(name, value) for name, value in record.items()} for record in records]
    pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), path)
    return path


async def _registered_singly(services: Services, records: Sequence[Record]) -> dict[int, str]:
    """Register one by one; return the reasons why rows were refused."""
    reasons: dict[int, str] = {}
    for row, record in enumerate(records, start=1):
        # A table has no empty text: a cell without a value leaves its field at the default.
        fields = {name: value for name, value in record.items() if value not in (None, "")}
        security = {name: fields.pop(name) for name in ("visibility", "readers") if name in fields}
        try:
            draft = EntryDraft.model_validate(fields | ({"security": security} if security else {}))
            if draft.entry_id is None:
                draft = draft.model_copy(update={"entry_id": draft.checksum.hex()[:32]})
            await services.entries.register(ADMIN, draft)
        except ValidationError as error:
            reasons[row] = validation_reason(error)
        except RegistryError as error:
            reasons[row] = str(error)
    return reasons


async def _compare(database: Database, path: Path, records: Sequence[Record]) -> set[int]:
    services = build_services(database, _LIMITS)
    reasons = await _registered_singly(services, records)
    singly = await written_rows(database)
    await clear(database)

    source = ParquetSource(_file(path, records))
    outcome = await services.bulk.import_source(ADMIN, source)
    assert {bad.row: bad.reason for bad in outcome.bad_rows} == reasons
    assert outcome.created == len(records) - len(reasons)
    assert await written_rows(database) == singly

    again = await services.bulk.import_source(ADMIN, source)
    assert (again.created, again.updated, again.unchanged) == (0, 0, outcome.created)
    assert await written_rows(database) == singly
    return set(reasons)


@pytest.mark.parametrize("seed", range(4))
async def test_random_rows(database: Database, tmp_path: Path, seed: int):
    chance = random.Random(seed)
    records = [_random_record(number, chance) for number in range(150)]
    refused = await _compare(database, tmp_path / "random.parquet", records)
    assert 30 < len(refused) < 120


async def test_naughty_strings_in_every_field(database: Database, tmp_path: Path):
    texts: list[str] = json.loads(
        (evaluation_folder("torture_text") / "blns.json").read_text(encoding="utf-8")
    )
    records = [
        {"category": "model", "title": f"{row} plain", "metadata": {"row": row}}
        | {field: value}
        | ({"description": text} if row % 2 else {})
        for row, text in enumerate(texts)
        for field, value in [
            [
                ("title", text),
                ("owner", text),
                ("tags", [text, "b"]),
                ("metadata", {"row": row, text: [text]}),
                ("entry_id", text),
                ("category", text),
                ("readers", ["group:" + text]),
                ("status", text),
            ][row % 8]
        ]
    ]
    refused = await _compare(database, tmp_path / "naughty.parquet", records)
    assert 0 < len(refused) < len(records)
