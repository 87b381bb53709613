"""The file that is imported: real packages where there is a list of them, else made-up ones."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportMissingTypeStubs=false
# pyarrow ships no type information.

import os
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

EVALUATION_DATA = "HYPER_REGISTRY_EVAL_DATA"
"""Variable with the folder of evaluation data; packages are in `registry_1m/entries.parquet`."""

GROUPS = 50
"""Groups among which private entries are shared out."""

_PRIVATE_EVERY = 10
_ROW_GROUP_ROWS = 50_000
_WORDS = [
    "fast",
    "small",
    "typed",
    "client",
    "server",
    "parser",
    "queue",
    "cache",
    "graph",
    "index",
    "stream",
    "test",
    "web",
    "data",
]
_SCHEMA = pa.schema(
    [
        ("entry_id", pa.string()),
        ("category", pa.string()),
        ("title", pa.string()),
        ("description", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("metadata", pa.string()),
        ("visibility", pa.string()),
        ("readers", pa.list_(pa.string())),
    ]
)


def package_list() -> Path | None:
    """Return the list of packages, if this machine has one."""
    folder = os.environ.get(EVALUATION_DATA)
    path = Path(folder or "../shared/data") / "registry_1m" / "entries.parquet"
    return path if path.is_file() else None


def write_source(path: Path, rows: int, packages: Path | None) -> int:
    """Write up to `rows` entries as the Parquet file that an import reads; return their number.

    Every tenth is private to one of `GROUPS` groups.
    """
    named = _made_up(rows) if packages is None else islice(_listed(packages), rows)
    count = 0
    with pq.ParquetWriter(path, _SCHEMA, compression="zstd") as writer:
        while part := list(islice(named, _ROW_GROUP_ROWS)):
            records = [_record(count + number, *package) for number, package in enumerate(part)]
            writer.write_table(pa.Table.from_pylist(records, schema=_SCHEMA))
            count += len(part)
    return count


def _record(number: int, registry: str, name: str, version: str, summary: str) -> dict[str, object]:
    private = number % _PRIVATE_EVERY == 0
    return {
        "entry_id": f"{registry}:{number}",
        "category": "component",
        "title": name or "unnamed",
        "description": summary,
        "tags": [registry],
        "metadata": orjson.dumps({"version": version, "registry": registry}).decode(),
        "visibility": "private" if private else "internal",
        "readers": [f"group:g{number % GROUPS}"] if private else [],
    }


def _listed(packages: Path) -> Iterator[tuple[str, str, str, str]]:
    with pq.ParquetFile(packages) as file:
        for batch in file.iter_batches(columns=["registry", "name", "version", "summary"]):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _made_up(rows: int) -> Iterator[tuple[str, str, str, str]]:
    source = random.Random(7)  # noqa: S311 (made-up names are no secrets)
    for number in range(rows):
        words = source.choices(_WORDS, k=9)
        yield "made-up", f"{words[0]}-{words[1]}-{number}", "1.0.0", " ".join(words[2:])
