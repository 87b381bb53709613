"""``hyper-registry history``, ``restore``, ``delete``, ``undelete``: what entries were."""

from typing import Annotated

import typer
from rich.table import Table

from cli.output import AsJson, call_registry, console, print_json
from hyper_registry.domain.entry import Entry
from hyper_registry.domain.entry_version import EntryVersion, EntryVersionPage
from hyper_registry.domain.principal import LOCAL_ADMIN
from hyper_registry.registry import Registry

Expected = Annotated[
    int | None, typer.Option("--if-version", min=1, help="Only if it is at this version.")
]


def history(
    entry_id: str,
    before: Annotated[int | None, typer.Option(min=1, help="Start below this version.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    *,
    as_json: AsJson = False,
) -> None:
    """List the versions of an entry, deleted or not, newest first."""
    page: EntryVersionPage = call_registry(
        lambda registry: registry.history.list_versions(
            LOCAL_ADMIN, entry_id, before=before, limit=limit
        )
    )
    if as_json:
        print_json(page.model_dump(mode="json", by_alias=True))
        return
    table = Table("version", "since", "by", "what", "title")
    for item in page.items:
        table.add_row(
            str(item.version),
            f"{item.valid_from:%Y-%m-%d %H:%M:%S}",
            item.actor,
            _what(item),
            item.title,
        )
    console.print(table)
    if page.next_before is not None:
        console.print(f"older ones: --before {page.next_before}")


def restore(
    entry_id: str, version: int, expected: Expected = None, *, as_json: AsJson = False
) -> None:
    """Give an entry the content of an earlier version, as a new version."""

    async def call(registry: Registry) -> Entry:
        found = await registry.history.get_version(LOCAL_ADMIN, entry_id, version)
        return await registry.entries.restore(LOCAL_ADMIN, found, expected_versions=_only(expected))

    _print_entry(call_registry(call), as_json=as_json)


def delete(entry_id: str, expected: Expected = None, *, as_json: AsJson = False) -> None:
    """Delete an entry; it can be undeleted until it is purged."""
    call_registry(
        lambda registry: registry.entries.delete(
            LOCAL_ADMIN, entry_id, expected_versions=_only(expected)
        )
    )
    if as_json:
        print_json({"entry_id": entry_id, "deleted": True})
    else:
        console.print(f"{entry_id} is deleted", highlight=False, markup=False)


def undelete(entry_id: str, expected: Expected = None, *, as_json: AsJson = False) -> None:
    """Let a deleted entry live again as it was."""
    entry = call_registry(
        lambda registry: registry.entries.undelete(
            LOCAL_ADMIN, entry_id, expected_versions=_only(expected)
        )
    )
    _print_entry(entry, as_json=as_json)


def _print_entry(entry: Entry, *, as_json: bool) -> None:
    if as_json:
        print_json(entry.model_dump(mode="json", by_alias=True))
    else:
        told = f"{entry.entry_id} is at version {entry.version}: {entry.title}"
        console.print(told, highlight=False, markup=False)


def _what(version: EntryVersion) -> str:
    if version.deleted:
        return "deleted"
    if version.restored_from is not None:
        return f"restored {version.restored_from}"
    return "registered" if version.version == 1 else "changed"


def _only(expected: int | None) -> frozenset[int] | None:
    return None if expected is None else frozenset({expected})
