"""``hyper-registry namespaces``, ``rename``, ``transfer``, ``merge``, ``duplicates``."""

from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table
from rich.text import Text

from cli.output import AsJson, call_registry, console, print_json
from hyper_registry.client.checking import checked
from hyper_registry.domain.duplicate import DuplicateCandidates
from hyper_registry.domain.entry import Entry
from hyper_registry.domain.merge import Merge, MergedPermissions
from hyper_registry.domain.namespace import Namespace, NamespaceDraft
from hyper_registry.domain.principal import LOCAL_ADMIN
from hyper_registry.factory import Registry

namespaces = typer.Typer(no_args_is_help=True, help="Namespaces of handles.")
duplicates = typer.Typer(no_args_is_help=True, help="Entries that may be one thing.")

_PAGE = 1_000


@namespaces.command("list")
def list_namespaces(*, as_json: AsJson = False) -> None:
    """List all namespaces."""

    async def read(registry: Registry) -> list[Namespace]:
        found: list[Namespace] = []
        after = ""
        while page := await registry.namespaces.list_page(after=after, limit=_PAGE):
            found += page
            after = page[-1].form
        return found

    found = call_registry(read)
    if as_json:
        print_json([each.model_dump(mode="json") for each in found])
        return
    table = Table("namespace", "description", "since", "by")
    for each in found:
        since = f"{each.created_at:%Y-%m-%d}"
        table.add_row(Text(each.name), Text(each.description), since, Text(each.created_by))
    console.print(table)


@namespaces.command()
def create(name: str, description: str = "", *, as_json: AsJson = False) -> None:
    """Create a namespace."""
    draft = checked(NamespaceDraft, {"name": name, "description": description})
    created = call_registry(lambda registry: registry.namespaces.create(LOCAL_ADMIN, draft))
    if as_json:
        print_json(created.model_dump(mode="json"))
        return
    console.print(f"Created {created.name}", highlight=False, markup=False)


@namespaces.command()
def delete(name: str) -> None:
    """Delete a namespace in which no entry has or had a name."""
    call_registry(lambda registry: registry.namespaces.delete(LOCAL_ADMIN, name))
    console.print(f"Deleted {name}", highlight=False, markup=False)


def rename(entry_id: str, name: str, *, as_json: AsJson = False) -> None:
    """Give an entry another name in its namespace; the old handle leads to it for ever."""
    entry = call_registry(lambda registry: registry.naming.rename(LOCAL_ADMIN, entry_id, name))
    _print_named(entry, as_json=as_json)


def transfer(
    entry_id: str, namespace: str, name: str | None = None, *, as_json: AsJson = False
) -> None:
    """Take an entry to another namespace; the old handle leads to it for ever."""
    entry = call_registry(
        lambda registry: registry.naming.transfer(LOCAL_ADMIN, entry_id, namespace, name=name)
    )
    _print_named(entry, as_json=as_json)


def merge(
    duplicate: str,
    into: str,
    permissions: MergedPermissions = MergedPermissions.KEEP,
    *,
    as_json: AsJson = False,
) -> None:
    """Merge a duplicate into another entry, which goes on for both."""
    merged = call_registry(
        lambda registry: registry.merges.merge(LOCAL_ADMIN, duplicate, into, permissions)
    )
    _print_merge(merged, "merged into", as_json=as_json)


def unmerge(merge_id: UUID, *, as_json: AsJson = False) -> None:
    """Undo a merge: both entries are as before."""
    undone = call_registry(lambda registry: registry.merges.undo(LOCAL_ADMIN, merge_id))
    _print_merge(undone, "separate again from", as_json=as_json)


@duplicates.command("of")
def of_entry(
    entry_id: str,
    min_score: Annotated[float, typer.Option(min=0, max=1)] = 0.5,
    limit: Annotated[int, typer.Option(min=1, max=50)] = 10,
    *,
    as_json: AsJson = False,
) -> None:
    """List what may be the same thing as an entry, with evidence."""
    found: DuplicateCandidates = call_registry(
        lambda registry: registry.duplicates.of_entry(
            LOCAL_ADMIN, entry_id, min_score=min_score, limit=limit
        )
    )
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    table = Table("score", "entry", "category", "title", "title's", "embedding's", "neighbours'")
    for item in found.items:
        evidence = item.evidence
        table.add_row(
            f"{item.score:.2f}",
            Text(item.entry_id),
            item.category,
            Text(item.title),
            *map(_share, (evidence.title, evidence.embedding, evidence.neighbours)),
        )
    console.print(table)


@duplicates.command()
def reject(entry_id: str, other_id: str) -> None:
    """Note that two entries are two things: not proposed until one of them is reworded."""
    call_registry(lambda registry: registry.duplicates.reject(LOCAL_ADMIN, entry_id, other_id))
    console.print(f"{entry_id} and {other_id} are two things", highlight=False, markup=False)


def _share(part: float | None) -> str:
    return "" if part is None else f"{part:.2f}"


def _print_named(entry: Entry, *, as_json: bool) -> None:
    if as_json:
        print_json(entry.model_dump(mode="json", by_alias=True))
        return
    console.print(f"{entry.entry_id} is {entry.handle}", highlight=False, markup=False)


def _print_merge(merge: Merge, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(merge.model_dump(mode="json"))
        return
    told = f"{merge.duplicate_id} is {what} {merge.survivor_id} (merge {merge.merge_id})"
    console.print(told, highlight=False, markup=False, soft_wrap=True)
