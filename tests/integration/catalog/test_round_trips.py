"""What a write costs: its statements while definitions are held, as in a server."""

from collections.abc import Awaitable, Callable

import pytest

from hyper_registry.domain.relationship import RelationshipDraft
from hyper_registry.storage.database import Database
from hyper_registry.storage.queries import load_queries
from tests.support.services import EDITOR, Services, build_services, draft
from tests.support.statements import sent_statements

_DEFINITIONS = frozenset(load_queries("type").values())


async def _register(services: Services) -> None:
    await services.entries.register(EDITOR, draft())


async def _replace(services: Services) -> None:
    await services.entries.replace(EDITOR, "a", draft(title="Renamed"))


async def _relate(services: Services) -> None:
    fields = {"source_id": "a", "target_id": "b", "rel_type": "calls"}
    await services.relationships.create(EDITOR, RelationshipDraft.model_validate(fields))


async def _register_100(services: Services) -> None:
    _, refused = await services.entries.register_many(EDITOR, {n: draft() for n in range(100)})
    assert not refused


@pytest.mark.parametrize(
    ("write", "most"), [(_register, 6), (_replace, 7), (_relate, 7), (_register_100, 4)]
)
async def test_a_write_asks_nothing_about_definitions(
    dsn: str, write: Callable[[Services], Awaitable[None]], most: int
):
    database = Database(dsn, min_size=1, max_size=1)
    await database.open()
    try:
        services = build_services(database)
        services.definitions.changes.on_listening()
        await services.entries.register(EDITOR, draft(entry_id="a"))
        await services.entries.register(EDITOR, draft(entry_id="b"))
        async with sent_statements(database) as statements:
            await write(services)
        assert not _DEFINITIONS.intersection(statements)
        assert 0 < len(statements) <= most, statements
    finally:
        await database.close()
