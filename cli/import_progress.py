"""The bars that a running import shows."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from hyper_registry.catalog.source_import import ImportProgress, ImportStage


@contextmanager
def import_progress() -> Generator[Callable[[ImportProgress], None]]:
    """Show a bar for each stage of an import on standard error, if that is a terminal."""
    watched = Console(stderr=True)
    with Progress(
        TextColumn("Importing {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=watched,
        transient=True,
        disable=not watched.is_terminal,
    ) as bars:
        stages: dict[ImportStage, TaskID] = {}

        def show(progress: ImportProgress) -> None:
            if progress.stage not in stages:
                stages[progress.stage] = bars.add_task(progress.stage, total=None)
            bars.update(stages[progress.stage], completed=progress.done, total=progress.total)

        yield show
