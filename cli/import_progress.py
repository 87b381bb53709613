"""The bars that a running import shows."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.progress import TaskID

from cli.output import progress_bars
from hyper_registry.catalog.source_import import ImportProgress, ImportStage


@contextmanager
def import_progress() -> Generator[Callable[[ImportProgress], None]]:
    """Show a bar for each stage of an import."""
    with progress_bars() as bars:
        stages: dict[ImportStage, TaskID] = {}

        def show(progress: ImportProgress) -> None:
            if progress.stage not in stages:
                stages[progress.stage] = bars.add_task(f"Importing {progress.stage}", total=None)
            bars.update(stages[progress.stage], completed=progress.done, total=progress.total)

        yield show
