from datetime import UTC, datetime, timedelta

import pytest

from hyper_registry.analytics.summary import AnalyticsService
from hyper_registry.domain.principal import Principal
from hyper_registry.domain.relationship import RelationshipDraft
from hyper_registry.graph.service import GraphService
from hyper_registry.storage.analytics_store import AnalyticsStore
from hyper_registry.storage.database import Database
from hyper_registry.storage.entry_store import EntryStore
from hyper_registry.storage.graph_store import GraphStore
from tests.support.services import ADMIN, EDITOR, MODEL_ID, VIEWER, Services, build_services, draft


@pytest.fixture
def analytics(database: Database) -> AnalyticsService:
    graph = GraphService(database, EntryStore(), GraphStore())
    return AnalyticsService(database, AnalyticsStore(), graph.relationship_counts, MODEL_ID)


@pytest.fixture
async def services(database: Database) -> Services:
    built = build_services(database)
    for name, fields in {
        "a": {"category": "agent", "owner": "ops", "tags": ["x", "y"]},
        "b": {"category": "agent", "owner": "ops", "tags": ["x"], "status": "draft"},
        "c": {"category": "model", "compliance_status": "compliant"},
        "hidden": {
            "category": "model",
            "owner": "root",
            "tags": ["z"],
            "security": {"visibility": "private"},
        },
        "gone": {"category": "dataset", "owner": "ops", "tags": ["x"]},
    }.items():
        await built.entries.register(ADMIN, draft(entry_id=name, title=name, **fields))
    for source, target, rel_type in (
        ("a", "b", "depends_on"),
        ("c", "b", "depends_on"),
        ("hidden", "b", "depends_on"),
        ("hidden", "c", "depends_on"),
        ("a", "hidden", "calls"),
        ("a", "c", "calls"),
        ("gone", "c", "depends_on"),
    ):
        document = {"source_id": source, "target_id": target, "rel_type": rel_type}
        await built.relationships.create(ADMIN, RelationshipDraft.model_validate(document))
    await built.entries.delete(ADMIN, "gone")
    return built


def _listed(values: tuple) -> list[tuple[str, int]]:
    return [(item.value, item.entries) for item in values]


async def test_a_summary_counts_what_the_caller_may_see(
    services: Services, analytics: AnalyticsService
):
    seen = await analytics.summary(VIEWER)
    assert seen.entries == 3
    assert seen.by_category == {"agent": 2, "model": 1}
    assert seen.by_status == {"active": 2, "draft": 1}
    assert seen.by_compliance_status == {"unknown": 2, "compliant": 1}
    assert _listed(seen.top_owners) == [("ops", 2)]
    assert _listed(seen.top_tags) == [("x", 2), ("y", 1)]
    assert (seen.relationships, seen.by_rel_type) == (3, {"depends_on": 2, "calls": 1})
    assert [(item.entry_id, item.title, item.dependents) for item in seen.most_depended_on] == [
        ("b", "b", 2)
    ]
    everything = await analytics.summary(ADMIN)
    assert everything.by_category == {"agent": 2, "model": 2}
    assert _listed(everything.top_owners) == [("ops", 2), ("root", 1)]
    assert everything.by_rel_type == {"depends_on": 4, "calls": 2}
    assert [(item.entry_id, item.dependents) for item in everything.most_depended_on] == [
        ("b", 3),
        ("c", 1),
    ]


async def test_only_vectors_of_the_present_text_count_as_embedded(
    services: Services, analytics: AnalyticsService, database: Database
):
    assert (await analytics.summary(VIEWER)).embedded == 0
    async with database.transaction() as connection:
        await connection.execute(
            "insert into entry_embedding (entry_key, model_id, input_hash, vector) "
            "select entry_key, $1, embedding_input_hash, array_fill(0.1, array[384])::halfvec "
            "from entry",
            MODEL_ID,
        )
    seen = await analytics.summary(VIEWER)
    assert (seen.embedded, seen.embedded_share) == (3, 1.0)
    await services.entries.replace(EDITOR, "a", draft(entry_id="a", title="Another text"))
    seen = await analytics.summary(VIEWER)
    assert (seen.embedded, seen.embedded_share) == (2, pytest.approx(2 / 3))


@pytest.mark.parametrize("principal", [VIEWER, ADMIN])
async def test_the_last_changes_come_first(
    services: Services, analytics: AnalyticsService, principal: Principal
):
    await services.entries.replace(EDITOR, "b", draft(entry_id="b", title="Renamed"))
    await services.entries.replace(ADMIN, "hidden", draft(entry_id="hidden", title="Open now"))
    first, second, *others = (await analytics.summary(principal)).recently_changed
    assert (first.entry_id, first.updated_by) == ("hidden", ADMIN.name)
    assert (second.entry_id, second.title, second.version) == ("b", "Renamed", 2)
    assert [item.entry_id for item in others] == ["c", "a"]


async def test_registrations_are_counted_by_day_in_utc(
    services: Services, analytics: AnalyticsService, database: Database
):
    today = datetime.now(UTC).date()
    async with database.transaction() as connection:
        for entry_id, days in (("a", 3), ("b", 3), ("c", 29), ("hidden", 3)):
            noon = datetime.combine(today - timedelta(days), datetime.min.time(), UTC)
            await connection.execute(
                "update entry set created_at = $2 where entry_id = $1", entry_id, noon
            )
    counted = (await analytics.summary(VIEWER)).registrations
    assert [item.day for item in counted] == [today - timedelta(ago) for ago in range(29, -1, -1)]
    assert {(today - item.day).days: item.entries for item in counted if item.entries} == {
        3: 2,
        29: 1,
    }


async def test_an_empty_registry_has_an_empty_summary(analytics: AnalyticsService):
    seen = await analytics.summary(VIEWER)
    assert (seen.entries, seen.relationships, seen.embedded_share) == (0, 0, 1.0)
    assert seen.by_category == {}
    assert seen.most_depended_on == seen.recently_changed == ()
    assert len(seen.registrations) == 30
