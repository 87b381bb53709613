import asyncio

import pytest

from hyper_registry.domain.errors.access import PermissionDeniedError
from hyper_registry.domain.errors.types import (
    CategoryExistsError,
    CategoryNotFoundError,
    InvalidSchemaError,
    MetadataInvalidError,
    SchemaIncompatibleError,
    StatusTransitionError,
    TypeInUseError,
)
from hyper_registry.domain.lifecycle import Lifecycle
from hyper_registry.domain.metadata_schema import MetadataSchema
from hyper_registry.domain.type_definitions import CategoryChange, CategoryDraft
from hyper_registry.storage.database import Database
from hyper_registry.storage.notifications import Listener
from tests.support.services import ADMIN, EDITOR, VIEWER, Services, build_services, draft
from tests.support.statements import counted_statements
from tests.support.waiting import until

PORT = {"type": "object", "properties": {"port": {"type": "integer"}}}


async def _with_schema(services: Services, **schema: object) -> None:
    await services.categories.create(ADMIN, CategoryDraft(name="switch"))
    await services.categories.put_schema(ADMIN, "switch", PORT | schema)


async def test_built_in_categories_have_descriptions_and_schemas_that_can_be_used(
    database: Database,
):
    services = build_services(database)
    categories = await services.categories.list_all()
    assert len(categories) == 26
    assert all(category.built_in and category.description for category in categories)
    with_schema = [category.name for category in categories if category.schema_version]
    assert len(with_schema) == 19
    for name in with_schema:
        (version,) = await services.categories.list_schemas(name)
        schema = MetadataSchema(version.document)
        assert version.version == 1
        assert schema.faults({"anything": [1, {"else": None}]}) == ()
        known = version.document["properties"]
        assert isinstance(known, dict)
        assert schema.faults(dict.fromkeys(known)) == ()


async def test_a_category_is_added_described_and_deleted_while_unused(database: Database):
    services = build_services(database)
    created = await services.categories.create(
        ADMIN, CategoryDraft(name="robot", description="Moves.")
    )
    assert (created.built_in, created.schema_version, created.created_by) == (False, None, "ada")
    with pytest.raises(CategoryExistsError):
        await services.categories.create(ADMIN, CategoryDraft(name="robot"))
    changed = await services.categories.update(
        ADMIN, "robot", CategoryChange(description="Moves by itself.")
    )
    assert (changed.description, changed.compatibility.value) == ("Moves by itself.", "none")
    await services.entries.register(EDITOR, draft(entry_id="r2", category="robot"))
    with pytest.raises(TypeInUseError):
        await services.categories.delete(ADMIN, "robot")
    await services.categories.create(ADMIN, CategoryDraft(name="spare"))
    await services.categories.delete(ADMIN, "spare")
    with pytest.raises(CategoryNotFoundError):
        await services.categories.get("spare")
    with pytest.raises(TypeInUseError, match="built in"):
        await services.categories.delete(ADMIN, "agent")
    async with database.connection() as connection:
        rows = await connection.fetch(
            "select action, target from audit where action like 'category.%' order by audit_no"
        )
    assert [tuple(row) for row in rows] == [
        ("category.create", "robot"),
        ("category.update", "robot"),
        ("category.create", "spare"),
        ("category.delete", "spare"),
    ]


async def test_only_administrators_change_categories(database: Database):
    categories = build_services(database).categories
    for change in (
        categories.create(EDITOR, CategoryDraft(name="robot")),
        categories.update(EDITOR, "agent", CategoryChange(description="x")),
        categories.delete(EDITOR, "agent"),
        categories.put_schema(EDITOR, "agent", PORT),
    ):
        with pytest.raises(PermissionDeniedError):
            await change
    assert (await categories.get("agent")).schema_version == 1


async def test_every_write_is_checked_against_the_current_schema(database: Database):
    services = build_services(database)
    await _with_schema(services)
    wrong = draft(entry_id="a", category="switch", metadata={"port": "eighty"})
    with pytest.raises(MetadataInvalidError) as caught:
        await services.entries.register(EDITOR, wrong)
    assert caught.value.faults == (("/metadata/port", 'the value is not of type "integer"'),)
    assert "eighty" not in str(caught.value)
    right = draft(entry_id="a", category="switch", metadata={"port": 80})
    await services.entries.register(EDITOR, right)
    with pytest.raises(MetadataInvalidError):
        await services.entries.replace(EDITOR, "a", wrong)
    for write in (services.entries.register_many, services.entries.upsert_many):
        drafts = {1: wrong.model_copy(update={"entry_id": "b"}), 2: wrong, 3: draft(entry_id=None)}
        outcome = await write(EDITOR, drafts)
        refused = outcome[1] if isinstance(outcome, tuple) else outcome.refused
        assert isinstance(refused[1], MetadataInvalidError)
        assert 3 not in refused
    assert (await services.entries.get(VIEWER, "a")).metadata == {"port": 80}


async def test_a_trial_reports_what_exists_and_does_not_fit_and_stores_nothing(database: Database):
    services = build_services(database)
    await services.categories.create(ADMIN, CategoryDraft(name="switch"))
    for name, port in (("a", 80), ("b", "eighty"), ("c", "ninety")):
        metadata = {"port": port}
        await services.entries.register(
            EDITOR, draft(entry_id=name, category="switch", metadata=metadata)
        )
    trial = await services.categories.put_schema(ADMIN, "switch", PORT, dry_run=True)
    assert (trial.version, trial.checked, trial.invalid_count, trial.complete) == (None, 3, 2, True)
    assert [entry.entry_id for entry in trial.invalid] == ["b", "c"]
    assert trial.invalid[0].faults == ['/metadata/port: the value is not of type "integer"']
    assert await services.categories.list_schemas("switch") == []
    part = await services.categories.put_schema(ADMIN, "switch", PORT, dry_run=True, check_limit=2)
    assert (part.checked, part.complete) == (2, False)
    stored = await services.categories.put_schema(ADMIN, "switch", PORT)
    assert (stored.version, stored.invalid_count) == (1, 2)


async def test_versions_are_kept_and_owe_each_other_what_the_category_declares(
    database: Database,
):
    services = build_services(database)
    await _with_schema(services)
    await services.categories.update(
        ADMIN, "switch", CategoryChange.model_validate({"compatibility": "backward"})
    )
    wider = {"type": "object", "properties": {"port": {"type": ["integer", "string"]}}}
    assert (await services.categories.put_schema(ADMIN, "switch", wider)).version == 2
    with pytest.raises(SchemaIncompatibleError) as caught:
        await services.categories.put_schema(ADMIN, "switch", PORT)
    assert caught.value.breaks[0][0] == "/port"
    trial = await services.categories.put_schema(ADMIN, "switch", PORT, dry_run=True)
    assert trial.breaks == ["/port: may be of type string, of which only integer is accepted"]
    versions = await services.categories.list_schemas("switch")
    assert [(version.version, version.document) for version in versions] == [(2, wider), (1, PORT)]


async def test_versions_that_are_put_at_once_are_numbered_one_after_the_other(database: Database):
    services = build_services(database)
    await services.categories.create(ADMIN, CategoryDraft(name="switch"))
    reports = await asyncio.gather(
        *(services.categories.put_schema(ADMIN, "switch", PORT) for _ in range(5))
    )
    assert sorted(report.version or 0 for report in reports) == [1, 2, 3, 4, 5]


async def test_a_category_can_lead_its_own_life(database: Database):
    services = build_services(database)
    life = Lifecycle.model_validate({"initial": ["draft"], "transitions": {"draft": ["active"]}})
    await services.categories.create(ADMIN, CategoryDraft(name="switch", lifecycle=life))
    entry = draft(entry_id="a", category="switch", status="draft")
    with pytest.raises(StatusTransitionError, match="new does not become active"):
        await services.entries.register(EDITOR, draft(category="switch"))
    await services.entries.register(EDITOR, entry)
    await services.entries.replace(EDITOR, "a", draft(category="switch"))
    with pytest.raises(StatusTransitionError) as caught:
        await services.entries.replace(EDITOR, "a", draft(category="switch", status="archived"))
    assert caught.value.allowed == ()


async def test_an_entry_that_holds_a_schema_keeps_what_it_promised(database: Database):
    services = build_services(database)

    def event(compatibility: str, **properties: object):
        metadata = {"schema": {"properties": properties}, "compatibility": compatibility}
        return draft(entry_id="e", category="event_schema", metadata=metadata)

    bad = {"schema": {"type": "nonsense"}}
    with pytest.raises(InvalidSchemaError, match="/metadata/schema/type"):
        await services.entries.register(EDITOR, draft(category="event_schema", metadata=bad))
    await services.entries.register(EDITOR, event("backward", at={"type": "integer"}))
    # To announce that nothing is promised any more does not undo what was promised so far.
    broken = event("none", at={"type": "string"})
    with pytest.raises(SchemaIncompatibleError) as caught:
        await services.entries.replace(EDITOR, "e", broken)
    assert caught.value.breaks[0][0] == "/at"
    outcome = await services.entries.upsert_many(EDITOR, {1: broken})
    assert isinstance(outcome.refused[1], SchemaIncompatibleError)
    await services.entries.replace(EDITOR, "e", event("none", at={"type": "number"}))
    await services.entries.replace(EDITOR, "e", broken)


async def test_definitions_are_held_while_changes_are_heard(database: Database):
    services = build_services(database)
    other = build_services(database)
    listener = Listener(database.dsn)
    listener.subscribe(other.definitions.changes)
    listening = asyncio.create_task(listener.listen())
    try:

        async def costs_nothing() -> bool:
            async with database.connection() as connection:
                with counted_statements(connection) as statements:
                    await other.definitions.current(connection)
            return not statements

        await until(costs_nothing)
        await _with_schema(services)

        async def refuses() -> bool:
            entry = draft(category="switch", metadata={"port": "x"})
            _, refused = await other.entries.register_many(EDITOR, {1: entry})
            return isinstance(refused.get(1), MetadataInvalidError)

        await until(refuses)
        await until(costs_nothing)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    async with database.connection() as connection:
        with counted_statements(connection) as statements:
            await other.definitions.current(connection)
            await other.definitions.current(connection)
    # Once nothing is heard any more, each use compares the revision.
    assert statements[-1].startswith("-- Number of the last change")
