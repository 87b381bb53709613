"""``hyper-registry search``: what the registry holds, and how good its answers are."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, TaskID
from rich.table import Table
from typer.core import TyperGroup
from typing_extensions import override

from cli.catalogue import search
from cli.output import AsJson, console, print_json, progress_bars
from configs.loader import load_settings
from hyper_registry.client.trial import evaluate, open_trial
from hyper_registry.search.evaluation import Loss, Quality, losses, read_gate
from hyper_registry.search.judged_corpus import JudgedCorpus, read_corpus

_DEFAULT = "query"
_EVALUATE = "evaluate"


class SearchGroup(TyperGroup):
    """Takes arguments for a query, unless they are those of the evaluation.

    The word "evaluate" alone, or before options of a query only, is searched for.
    """

    @override
    def parse_args(  # pyright: ignore[reportIncompatibleMethodOverride]  # its context has two types
        self, ctx: typer.Context, args: list[str]
    ) -> list[str]:
        if not _is_evaluation(args):
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=SearchGroup, help="Search; `evaluate CORPUS` judges the ranking.")
app.command(_DEFAULT)(search)


@app.command(_EVALUATE)
def evaluate_corpus(
    corpus: Annotated[Path, typer.Argument(help="Folder in the layout of BEIR.")],
    gate: Annotated[
        Path | None, typer.Option(help="JSON of least figures: mode → metric → number.")
    ] = None,
    queries: Annotated[
        int, typer.Option(min=1, help="At most so many queries, always the same ones.")
    ] = 600,
    *,
    as_json: AsJson = False,
) -> None:
    """Judge text, vector and hybrid search on a corpus, in a registry of its own.

    Exits with status 1 if a figure is below its gate.
    """
    judged = read_corpus(corpus)
    least = {} if gate is None else read_gate(gate)
    sample = judged.sample(queries)
    with progress_bars(quiet=as_json) as progress:
        found = asyncio.run(_evaluate(sample, progress))
    lost = losses(found, least)
    if as_json:
        print_json(
            {
                "corpus": sample.name,
                "documents": len(sample.documents),
                "queries": len(sample.queries),
                "modes": {mode: asdict(quality) for mode, quality in found.items()},
                "losses": [asdict(loss) for loss in lost],
            }
        )
    else:
        _show(sample, found, lost)
    if lost:
        raise typer.Exit(1)


async def _evaluate(corpus: JudgedCorpus, progress: Progress) -> dict[str, Quality]:
    bars: dict[str, TaskID] = {}

    def on_progress(step: str, done: int, total: int) -> None:
        if step not in bars:
            bars[step] = progress.add_task(step, total=total)
        progress.update(bars[step], completed=done)

    async with open_trial(load_settings()) as registry:
        return await evaluate(registry, corpus, on_progress=on_progress)


def _show(corpus: JudgedCorpus, found: dict[str, Quality], lost: list[Loss]) -> None:
    title = f"{corpus.name}: {len(corpus.documents):,} documents, {len(corpus.queries):,} queries"
    table = Table("mode", "nDCG@10", "recall@10", "recall@100", "MRR", title=title)
    for mode, quality in found.items():
        table.add_row(mode, *(f"{figure:.3f}" for figure in asdict(quality).values()))
    console.print(table)
    if not lost:
        return
    losing = Table("mode", "metric", "least", "found", title="Below the gate")
    for loss in lost:
        figure = "not measured" if loss.found is None else f"{loss.found:.4f}"
        losing.add_row(loss.mode, loss.metric, f"{loss.least:.4f}", figure)
    console.print(losing)


def _is_evaluation(args: list[str]) -> bool:
    if args[:1] != [_EVALUATE]:
        return False
    rest = args[1:]
    return any(each == "--help" or Path(each).is_dir() for each in rest) or (
        bool(rest) and not rest[0].startswith("-")
    )
