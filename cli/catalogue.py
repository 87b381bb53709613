"""``hyper-registry import``, ``get``, ``search``, ``relate``: entries from the command line."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from cli.import_progress import import_progress
from cli.output import AsJson, call_registry, console, print_json
from hyper_registry.catalog.sources.open_source import SourceKind, open_source
from hyper_registry.domain.entry_status import EntryStatus
from hyper_registry.domain.identifiers import EntryId
from hyper_registry.domain.principal import LOCAL_ADMIN
from hyper_registry.domain.relationship import RelationshipDraft
from hyper_registry.domain.search import SearchFilters, SearchMode, SearchQuery

_BAD_ROWS_SHOWN = 10


def import_entries(
    kind: SourceKind,
    path: Annotated[Path | None, typer.Argument()] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Register what a file or this machine's package managers hold."""
    source = open_source(kind, path)
    with import_progress() as on_progress:
        outcome = call_registry(
            lambda registry: registry.bulk.import_source(
                LOCAL_ADMIN, source, on_progress=on_progress
            )
        )
    if as_json:
        print_json(asdict(outcome))
        return
    console.print(
        f"{outcome.created:,} created, {outcome.updated:,} updated, "
        f"{outcome.unchanged:,} unchanged; {outcome.related:,} related, "
        f"{outcome.related_before:,} before, {outcome.dangling:,} links without a target"
    )
    for bad in outcome.bad_rows[:_BAD_ROWS_SHOWN]:
        console.print(f"row {bad.row}: {bad.reason}", style="yellow", markup=False)
    if len(outcome.bad_rows) > _BAD_ROWS_SHOWN:
        console.print(f"… and {len(outcome.bad_rows) - _BAD_ROWS_SHOWN} more bad rows")


def get(entry_id: str) -> None:
    """Print an entry as JSON."""
    entry = call_registry(lambda registry: registry.entries.get(LOCAL_ADMIN, entry_id))
    print_json(entry.model_dump(mode="json", by_alias=True))


def search(
    query: str,
    mode: SearchMode = SearchMode.HYBRID,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 10,
    category: Annotated[list[str] | None, typer.Option(help="Repeatable: any of them.")] = None,
    status: Annotated[list[EntryStatus] | None, typer.Option(help="Repeatable.")] = None,
    owner: Annotated[list[str] | None, typer.Option(help="Repeatable.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Repeatable.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Search by text, meaning and filters."""
    filters = SearchFilters.model_validate(
        {"category": category, "status": status, "owner": owner, "tags": tag}
    )
    asked = SearchQuery(query=query, filters=filters, mode=mode, limit=limit)
    answer = call_registry(lambda registry: registry.search.search(LOCAL_ADMIN, asked))
    if as_json:
        print_json(answer.model_dump(mode="json", by_alias=True))
        return
    table = Table("score", "entry", "category", "highlight")
    for hit in answer.hits:
        table.add_row(
            f"{hit.relevance_score:.3f}", hit.entry_id, hit.category, highlighted(hit.highlight)
        )
    console.print(table)


def highlighted(marked: str) -> Text:
    """Return a highlight with its marked words in bold; between ``**`` where nothing is bold."""
    if not console.is_terminal:
        return Text(marked)
    text = Text()
    for position, part in enumerate(marked.split("**")):
        text.append(part, style="bold yellow" if position % 2 else None)
    return text


def relate(source_id: str, rel_type: str, target_id: str, *, as_json: AsJson = False) -> None:
    """Relate two entries."""
    draft = RelationshipDraft(
        source_id=EntryId(source_id), target_id=EntryId(target_id), rel_type=rel_type
    )
    created = call_registry(lambda registry: registry.relationships.create(LOCAL_ADMIN, draft))
    if as_json:
        print_json(created.model_dump(mode="json"))
    else:
        console.print(f"relationship {created.relationship_id}")
