"""Measure how good search is on judged sets: ``python -m benchmarks.relevance``.

Registers each set in a registry of its own, with the default settings for all of them, and ends
what it started. The last line is one JSON object.
"""

import argparse
import asyncio
import os
import sys
from dataclasses import asdict
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe_machine
from benchmarks.registry.packages import EVALUATION_DATA
from configs.settings import Settings
from hyper_registry.client.trial import FUSIONS, MODES, evaluate, open_trial
from hyper_registry.search.evaluation import Quality
from hyper_registry.search.judged_corpus import JudgedCorpus, read_corpus

_SETS = ("metatool_single", "cisi", "bfcl_curated", "sealtools")
_DIGITS = 4


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relevance", description=__doc__)
    parser.add_argument("--queries", type=int, default=600, help="of each set, always the same")
    parser.add_argument("--sets", nargs="+", default=_SETS)
    arguments = parser.parse_args()
    machine = describe_machine()
    folder = Path(os.environ.get(EVALUATION_DATA) or "../shared/data")
    corpora = [read_corpus(folder / f"search_{name}") for name in arguments.sets]
    figures: dict[str, dict[str, Quality]] = {}
    for name, corpus in zip(arguments.sets, corpora, strict=True):
        figures[name] = asyncio.run(_measure(corpus.sample(arguments.queries)))
    _show(figures)
    document = {
        **{
            name: {mode: _rounded(quality) for mode, quality in modes.items()}
            for name, modes in figures.items()
        },
        "queries": {
            name: len(corpus.sample(arguments.queries).queries)
            for name, corpus in zip(arguments.sets, corpora, strict=True)
        },
        "machine": asdict(machine),
    }
    Console().out(orjson.dumps(document).decode(), highlight=False)


async def _measure(corpus: JudgedCorpus) -> dict[str, Quality]:
    progress = Console(stderr=True)
    progress.print(f"{corpus.name}: {len(corpus.documents):,} documents")
    async with open_trial(Settings()) as registry:
        return await evaluate(registry, corpus, MODES | FUSIONS)


def _show(figures: dict[str, dict[str, Quality]]) -> None:
    table = Table("set", "mode", *_rounded(Quality(0, 0, 0, 0)))
    for name, modes in figures.items():
        for mode, quality in modes.items():
            table.add_row(name, mode, *(f"{value:.3f}" for value in asdict(quality).values()))
        table.add_section()
    Console(width=None if sys.stdout.isatty() else 100).print(table)


def _rounded(quality: Quality) -> dict[str, float]:
    return {metric: round(value, _DIGITS) for metric, value in asdict(quality).items()}


if __name__ == "__main__":
    main()
