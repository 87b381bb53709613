"""Measure the registry's bulk rates and what its records cost: ``python -m benchmarks.registry``.

Starts a Postgres of its own, imports a Parquet file of packages, exports everything, and ends what
it started. The last line is one JSON object.
"""

import argparse
import asyncio
import sys
from dataclasses import asdict
from pathlib import Path

import orjson
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from benchmarks.api.deployment import start_postgres
from benchmarks.api.statistics import percentile
from benchmarks.machine import describe_machine
from benchmarks.registry.measuring import (
    measure_bare_insert,
    measure_bulk_register,
    measure_export,
    measure_history_overhead,
    measure_import,
    measure_rule_overhead,
    owner_connection,
)
from benchmarks.registry.packages import package_list, write_source
from configs.settings import DatabaseSettings, Settings
from hyper_registry.catalog.export import ExportFormat
from hyper_registry.client.trial import temporary_home
from hyper_registry.factory import open_registry

_BULK_ROUNDS = 100
_PEER_ROWS = 100_000


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.registry", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    machine = describe_machine()
    packages = package_list()
    with temporary_home() as home:
        figures = asyncio.run(_measure(home, arguments.rows, packages))
    console = Console(width=None if sys.stdout.isatty() else 100)
    table = Table("figure", "value", title=f"{figures['rows']:,} entries")
    for name, value in figures.items():
        table.add_row(name, str(value))
    console.print(table)
    document = {
        **figures,
        "source": "made up" if packages is None else "packages",
        "machine": asdict(machine),
    }
    console.out(orjson.dumps(document).decode(), highlight=False)


async def _measure(home: Path, rows: int, packages: Path | None) -> dict[str, object]:
    progress = Console(stderr=True)
    file = home / "packages.parquet"
    rows = write_source(file, rows, packages)
    settings = Settings(
        home=home, database=DatabaseSettings(url=SecretStr(start_postgres(home)), pool_max=8)
    )
    async with open_registry(settings) as registry:
        progress.print(f"import {rows:,} entries")
        imported = await measure_import(registry, file)
        async with owner_connection(registry.database) as owner:
            await owner.execute("vacuum analyze")
        progress.print("insert without records")
        bare_rows_per_s = await measure_bare_insert(registry.database, min(rows, _PEER_ROWS))
        exported: dict[str, float] = {}
        for kind in ExportFormat:
            progress.print(f"export as {kind.value}")
            exported[kind.value] = await measure_export(registry, kind, rows)
        progress.print("register in hundreds")
        bulk_ms = await measure_bulk_register(registry, _BULK_ROUNDS)
        progress.print("write with and without records")
        history = await measure_history_overhead(registry.database, registry.embedder.model_id)
        progress.print("read with and without the permission rule")
        ids = [f"bulk-{number}" for number in range(1_000)]
        rule = await measure_rule_overhead(registry, ids)
    return {
        "rows": imported.rows,
        "import_rows_per_s": round(imported.rows / imported.seconds),
        "import_cpu_us_a_row": round(imported.cpu_s / imported.rows * 1e6, 1),
        "import_peak_mib": round(imported.peak_mib),
        "bare_insert_rows_per_s": round(bare_rows_per_s),
        "export_rows_per_s": round(exported[ExportFormat.NDJSON]),
        "export_rows_per_s_by_format": {name: round(rate) for name, rate in exported.items()},
        "bulk_register_100_ms": {
            "mean": round(sum(bulk_ms) / len(bulk_ms), 2),
            "p99": round(percentile(bulk_ms, 99), 2),
            "max": round(bulk_ms[-1], 2),
        },
        "history_overhead": round(history, 3),
        "acl_overhead": round(max(rule.values()), 3),
        "acl_overhead_by_operation": {name: round(ratio, 3) for name, ratio in rule.items()},
    }


if __name__ == "__main__":
    main()
