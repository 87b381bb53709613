"""Duplicates proposed with evidence, rejected, and never told of by what is hidden."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from hyper_registry.ai.backlog import EmbeddingBacklog
from hyper_registry.catalog.duplicates import DuplicateService
from hyper_registry.domain.duplicate import DuplicateCandidate
from hyper_registry.domain.errors.access import PermissionDeniedError
from hyper_registry.domain.errors.entry import EntryNotFoundError
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.merge import MergedPermissions
from hyper_registry.domain.namespace import NamespaceDraft
from hyper_registry.domain.principal import (
    NamespaceBinding,
    NamespaceRole,
    Principal,
    Role,
)
from hyper_registry.domain.relationship import RelationshipDraft
from hyper_registry.search.alike import NearestToEntry
from hyper_registry.search.index_reader import IndexReader
from hyper_registry.search.nearest import NearestEntries
from hyper_registry.storage.database import Database
from hyper_registry.storage.duplicate_store import DuplicateStore
from hyper_registry.storage.index_store import IndexStore
from hyper_registry.storage.journal_store import JournalStore
from hyper_registry.storage.search_store import SearchStore
from tests.support.search_world import DIMENSION, text_vector
from tests.support.services import (
    ADMIN,
    EDITOR,
    MODEL_ID,
    VIEWER,
    Services,
    build_services,
    draft,
)


class _WordEmbedder:
    """Texts are as near as they share words."""

    model_id = MODEL_ID
    dimension = DIMENSION

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        sums = [sum(map(text_vector, text.lower().split())) for text in texts]
        return np.stack([each / np.linalg.norm(each) for each in sums]).astype(np.float32)


@dataclass(frozen=True)
class World:
    database: Database
    services: Services
    duplicates: DuplicateService
    backlog: EmbeddingBacklog

    async def register(self, entry_id: str, title: str, description: str, **fields: object) -> None:
        entry = draft(entry_id=entry_id, title=title, description=description, **fields)
        await self.services.entries.register(ADMIN, entry)

    async def relate(self, source: str, *targets: str) -> None:
        for target in targets:
            fields = {"source_id": source, "target_id": target, "rel_type": "uses"}
            related = RelationshipDraft.model_validate(fields)
            await self.services.relationships.create(ADMIN, related)

    async def embed(self) -> None:
        async for _ in self.backlog.work_off():
            pass

    async def of(
        self, caller: Principal, entry_id: str, min_score: float = 0.3, limit: int = 10
    ) -> list[str]:
        found = await self.duplicates.of_entry(caller, entry_id, min_score=min_score, limit=limit)
        return [candidate.entry_id for candidate in found.items]

    async def candidate(self, caller: Principal, entry_id: str, other: str) -> DuplicateCandidate:
        found = await self.duplicates.of_entry(caller, entry_id, min_score=0, limit=50)
        return next(each for each in found.items if each.entry_id == other)


@pytest.fixture
async def world(database: Database) -> World:
    search, store = SearchStore(), DuplicateStore()
    reader = IndexReader(database, IndexStore(), search, MODEL_ID)
    nearest = NearestEntries(database, search, reader, MODEL_ID)
    alike = NearestToEntry(database, store, nearest, MODEL_ID)
    made = World(
        database,
        build_services(database),
        DuplicateService(database, store, search, alike, JournalStore()),
        EmbeddingBacklog(database, search, _WordEmbedder()),
    )
    text = "forecasts rain and wind for towns"
    await made.register("weather", "Weather agent", text)
    await made.register("copy", "Forecasting weather agent", text)
    await made.register(
        "set", "Weather agent", "measured by stations since 1950", category="dataset"
    )
    await made.register("billing", "Billing service", "sends invoices", category="service")
    for entry_id in ("maps", "radar", "archive"):
        await made.register(entry_id, entry_id.title(), f"about {entry_id}", category="service")
    await made.relate("weather", "maps", "radar")
    await made.relate("copy", "maps", "radar")
    await made.relate("archive", "set")
    await made.embed()
    return made


async def test_a_renamed_copy_comes_before_a_namesake_of_another_category(world: World):
    assert await world.of(VIEWER, "weather") == ["copy", "set"]
    copy = await world.candidate(VIEWER, "weather", "copy")
    # Eight trigrams of "weather" and six of "agent", and those of "forecasting" with the copy.
    assert copy.evidence.title == pytest.approx(2 * 14 / (14 + 26), abs=1e-4)
    assert copy.evidence.embedding == pytest.approx(np.sqrt(8 / 9), abs=0.1)
    assert (copy.evidence.neighbours, copy.evidence.same_category) == (1.0, True)
    assert copy.title == "Forecasting weather agent"
    namesake = await world.candidate(VIEWER, "weather", "set")
    assert (namesake.evidence.title, namesake.evidence.neighbours) == (1.0, 0.0)
    assert not namesake.evidence.same_category
    assert copy.score > 0.75 > namesake.score
    back = await world.candidate(VIEWER, "copy", "weather")
    assert (back.score, back.evidence) == (copy.score, copy.evidence)
    assert await world.of(VIEWER, "weather", min_score=copy.score) == ["copy"]
    assert await world.of(VIEWER, "weather", min_score=0, limit=1) == ["copy"]
    with pytest.raises(EntryNotFoundError):
        await world.of(VIEWER, "nothing")


async def test_each_kind_of_evidence_finds_by_itself(world: World):
    # No word in common and not embedded yet: by what both are related to.
    await world.register("third", "Meteo", "Vorhersage")
    await world.relate("third", "maps", "radar")
    related = await world.candidate(VIEWER, "third", "weather")
    assert (related.evidence.neighbours, related.evidence.embedding) == (1.0, None)
    # Not related and not embedded: by the title, with a word more, and with a word less.
    await world.register("fourth", "weather AGENT", "x")
    titled = await world.candidate(VIEWER, "fourth", "weather")
    assert (titled.evidence.title, titled.evidence.neighbours) == (1.0, 0.0)
    assert "weather" in await world.of(VIEWER, "copy")
    # Another title, related to nothing: by the embedding.
    await world.register("fifth", "Meteo", "forecasts rain and wind for towns")
    await world.embed()
    near = await world.candidate(VIEWER, "fifth", "weather")
    assert near.evidence.embedding == pytest.approx(6 / np.sqrt(7 * 8), abs=0.1)
    assert near.evidence.title == 0


async def test_a_rejected_pair_is_gone_until_one_of_the_two_is_reworded(world: World):
    with pytest.raises(PermissionDeniedError):
        await world.duplicates.reject(VIEWER, "weather", "copy")
    with pytest.raises(InvalidFieldError):
        await world.duplicates.reject(EDITOR, "weather", "weather")
    rejected = await world.duplicates.reject(EDITOR, "copy", "weather", request_id="r9")
    assert (rejected.entry_id, rejected.other_id, rejected.rejected_by) == (
        "copy",
        "weather",
        "eve",
    )
    for caller in (VIEWER, ADMIN):
        assert await world.of(caller, "weather") == ["set"]
        assert "weather" not in await world.of(caller, "copy", min_score=0, limit=50)
    again = await world.duplicates.reject(ADMIN, "weather", "copy")
    assert again.rejected_at >= rejected.rejected_at
    async with world.database.connection() as connection:
        audited = await connection.fetch(
            "select actor, target, request_id, detail from audit"
            " where action = 'entry.reject_duplicate' order by audit_no"
        )
    assert [tuple(row) for row in audited] == [
        ("eve", "copy", "r9", {"other": "weather"}),
        ("ada", "weather", None, {"other": "copy"}),
    ]
    # What does not change what it says does not bring it back.
    await world.services.entries.patch(EDITOR, "copy", {"owner": "somebody", "metadata": {"a": 1}})
    assert await world.of(VIEWER, "weather") == ["set"]
    await world.services.entries.patch(EDITOR, "copy", {"tags": ["weather"]})
    assert await world.of(VIEWER, "weather") == ["copy", "set"]


async def test_who_writes_one_of_the_two_rejects_and_what_is_hidden_is_missing(world: World):
    for name in ("team", "other"):
        await world.services.namespaces.create(ADMIN, NamespaceDraft(name=name))
    await world.services.naming.transfer(ADMIN, "copy", "team", name="copy")
    for namespace, admitted in (("other", False), ("team", True)):
        binding = NamespaceBinding(namespace, NamespaceRole.EDITOR)
        caller = Principal("tim", Role.VIEWER, bindings=frozenset({binding}))
        if admitted:
            await world.duplicates.reject(caller, "weather", "copy")
        else:
            with pytest.raises(PermissionDeniedError):
                await world.duplicates.reject(caller, "weather", "copy")
    await world.services.entries.patch(ADMIN, "set", {"security": {"visibility": "private"}})
    for pair in (("set", "weather"), ("weather", "set"), ("weather", "never")):
        with pytest.raises(EntryNotFoundError):
            await world.duplicates.reject(EDITOR, *pair)


async def test_what_is_hidden_is_neither_proposed_nor_counted(world: World):
    private = {"security": {"visibility": "private"}}
    before = await world.candidate(VIEWER, "weather", "copy")
    # Only an administrator sees what two more differ in, and one more copy.
    text = "forecasts rain and wind for towns"
    await world.register("secret", "Weather agent", text, **private)
    for number in range(3):
        await world.register(f"hidden{number}", "Hidden", "hidden", **private)
        await world.relate("copy", f"hidden{number}")
    await world.relate("secret", "maps", "radar")
    await world.embed()
    assert await world.candidate(VIEWER, "weather", "copy") == before
    assert await world.of(VIEWER, "weather") == ["copy", "set"]
    assert (await world.of(ADMIN, "weather"))[0] == "secret"
    seen = await world.candidate(ADMIN, "weather", "copy")
    assert seen.evidence.neighbours == pytest.approx(2 / 5)
    with pytest.raises(EntryNotFoundError):
        await world.of(VIEWER, "secret")
    pages = await world.duplicates.page(VIEWER, min_score=0)
    ids = {(pair.entry.entry_id, pair.duplicate.entry_id) for pair in pages.items}
    assert not {each for pair in ids for each in pair if each.startswith(("secret", "hidden"))}
    # What is deleted is not there either.
    await world.services.entries.delete(ADMIN, "secret")
    assert "secret" not in await world.of(ADMIN, "weather", min_score=0, limit=50)


async def test_pages_tell_every_pair_once(world: World):
    found: list[tuple[str, str]] = []
    after: str | None = None
    pages = 0
    while pages == 0 or after is not None:
        page = await world.duplicates.page(VIEWER, after=after, min_score=0.3, entries=2)
        found += [(pair.entry.entry_id, pair.duplicate.entry_id) for pair in page.items]
        after, pages = page.next_after, pages + 1
    assert pages == 4
    assert sorted(found) == [("copy", "weather"), ("set", "weather")]
    for nothing in ("never", ""):
        with pytest.raises(InvalidFieldError):
            await world.duplicates.page(VIEWER, after=nothing)
    whole = await world.duplicates.page(VIEWER, min_score=0.3)
    assert [pair.duplicate.score for pair in whole.items] == sorted(
        (pair.duplicate.score for pair in whole.items), reverse=True
    )
    assert whole.next_after is None
    await world.duplicates.reject(EDITOR, "set", "weather")
    merge = await world.services.merges.merge(EDITOR, "copy", "weather", MergedPermissions.UNION)
    assert (await world.duplicates.page(VIEWER, min_score=0.3)).items == []
    await world.services.merges.undo(EDITOR, merge.merge_id)
    assert [pair.entry.entry_id for pair in (await world.duplicates.page(VIEWER)).items] == ["copy"]
