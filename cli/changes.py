"""``hyper-registry changes``: what happened, and what happens."""

import asyncio
import sys
from typing import Annotated

import orjson
import typer

from cli.output import AsJson, console
from configs.loader import load_settings
from hyper_registry.domain.change import ChangeEvent, ChangeFilter, ChangeSubject
from hyper_registry.domain.principal import LOCAL_ADMIN
from hyper_registry.factory import change_feed, open_database

_WAIT_S = 60.0


def changes(
    after: Annotated[
        str | None, typer.Option(help="Cursor of a change, or 'now'; none: from the beginning.")
    ] = None,
    subject: Annotated[list[ChangeSubject] | None, typer.Option(help="Repeatable.")] = None,
    operation: Annotated[list[str] | None, typer.Option(help="Repeatable.")] = None,
    category: Annotated[list[str] | None, typer.Option(help="Repeatable.")] = None,
    entry_id: Annotated[
        str | None, typer.Option(help="The entry and the relationships at it.")
    ] = None,
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until interrupted.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print changes, oldest first, one a line."""
    wanted = ChangeFilter(
        subjects=frozenset(subject) if subject else None,
        operations=frozenset(operation) if operation else None,
        categories=frozenset(category) if category else None,
        entry_id=entry_id,
    )
    asyncio.run(_print(after, wanted, follow=follow, as_json=as_json))


async def _print(after: str | None, wanted: ChangeFilter, *, follow: bool, as_json: bool) -> None:
    settings = load_settings()
    async with open_database(settings) as database:
        feed = change_feed(settings, database)
        while True:
            page = await feed.page(LOCAL_ADMIN, after, wanted, wait_s=_WAIT_S if follow else 0)
            for event in page.items:
                _print_event(event, as_json=as_json)
            sys.stdout.flush()
            if not page.items and not follow:
                return
            after = page.next_cursor


def _print_event(event: ChangeEvent, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(event.model_dump(mode="json")) + b"\n")
        return
    name = event.subject_id
    if event.source_id is not None:
        name = f"{event.source_id} {event.rel_type} {event.target_id}"
    console.print(
        f"{event.occurred_at:%Y-%m-%d %H:%M:%S} {event.operation} {event.subject} {name} "
        f"(version {event.version}, by {event.actor})",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
