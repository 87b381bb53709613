"""What an index proposes and what Postgres stores meet in one exact answer."""

from itertools import product

import numpy as np
import pytest

from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.entry_status import EntryStatus
from hyper_registry.domain.identifiers import EntryId
from hyper_registry.domain.principal import Principal, Role
from hyper_registry.domain.search import SearchFilters
from hyper_registry.search import nearest
from hyper_registry.storage.entry_store import EntryStore
from hyper_registry.storage.search_store import EmbeddingInput
from tests.support.search_world import SearchWorld, text_vector
from tests.support.services import ADMIN, EDITOR, VIEWER, draft

TEAM = Principal("tim", Role.VIEWER, frozenset({"team"}))
SECRET = {"visibility": "private", "readers": ["group:team"]}
FILTERS = [
    SearchFilters(),
    SearchFilters(category=("agent",)),
    SearchFilters(category=("agent", "model"), status=(EntryStatus.ACTIVE,)),
    SearchFilters(owner=("nobody",)),
    SearchFilters(tags=("rare", "red")),
    SearchFilters(category=()),
]


def _random_draft(random: np.random.Generator, name: str) -> EntryDraft:
    return draft(
        entry_id=name,
        title=f"Title {name} {random.integers(1_000_000)}",
        category=str(random.choice(["agent", "model", "service"])),
        status=str(random.choice(["active", "deprecated"])),
        owner=str(random.choice(["ann", "bob"])),
        tags=[str(tag) for tag in random.choice(["red", "blue", "rare"], 2, p=[0.5, 0.45, 0.05])],
        security=SECRET if random.random() < 0.2 else {},
    )


async def _assert_exact(world: SearchWorld, random: np.random.Generator, rounds: int = 3) -> None:
    for principal, filters in product((ADMIN, VIEWER, TEAM), FILTERS):
        for _ in range(rounds):
            vector = text_vector(str(random.integers(1 << 40)))
            limit = int(random.integers(1, 20))
            await world.assert_exact(vector, principal, limit, filters)


@pytest.mark.parametrize("flat_below", [20_000, 500], ids=["flat", "int8"])
async def test_answers_equal_brute_force_before_and_after_changes(
    world: SearchWorld, flat_below: int
):
    random = np.random.default_rng(7)
    names = [f"e{number}" for number in range(750)]
    await world.register([_random_draft(random, name) for name in names])
    await world.build(shard_count=1, flat_below=flat_below)
    await _assert_exact(world, random)
    for name in names[:60]:
        changed = _random_draft(random, name).model_copy(update={"entry_id": None})
        await world.services.entries.replace(ADMIN, name, changed)
    for name in names[40:100]:
        await world.services.entries.delete(ADMIN, name)
    await world.embed()
    await world.register([_random_draft(random, f"new{number}") for number in range(40)])
    await _assert_exact(world, random)
    answer = await world.search.vector_search(ADMIN, text_vector("x"))
    assert answer.strategy == "vector(snapshot exact+delta)"


async def test_a_state_that_is_no_more_is_never_found(world: SearchWorld):
    names = ("changed", "deleted", "hidden", "stale", "kept")
    drafts = {name: draft(entry_id=name, title=name) for name in names}
    await world.register(list(drafts.values()))
    await world.build()
    old = {name: text_vector(item.embedding_text) for name, item in drafts.items()}
    assert await world.nearest(old["deleted"], VIEWER, 1) == ["deleted"]
    entries = world.services.entries
    await entries.replace(EDITOR, "changed", draft(title="another"))
    await entries.delete(EDITOR, "deleted")
    await entries.replace(
        ADMIN, "hidden", draft(title="hidden", security={"visibility": "private"})
    )
    await world.embed()
    await entries.replace(EDITOR, "stale", draft(title="not embedded yet"))
    for vector in old.values():
        found = await world.nearest(vector, VIEWER, 10)
        assert sorted(found) == ["changed", "kept"]
    assert await world.nearest(text_vector("another"), VIEWER, 1) == ["changed"]
    assert await world.nearest(old["hidden"], ADMIN, 1) == ["hidden"]
    agents = SearchFilters(category=("agent",))
    await entries.replace(EDITOR, "kept", draft(title="kept", category="model"))
    assert await world.nearest(old["kept"], VIEWER, 10, agents) == ["changed"]


async def test_what_commits_after_the_snapshot_was_taken_is_found(world: SearchWorld):
    await world.register([draft(entry_id=f"e{number}", title=f"{number}") for number in range(20)])
    late = draft(title="late")
    async with world.database.transaction() as connection:
        written = await EntryStore().insert(connection, EntryId("late"), late, "eve", ["*"])
        assert written is not None
        await world.store.upsert_embeddings(
            connection,
            world.backlog._embedder.model_id,
            [EmbeddingInput(written.key, late.embedding_text, late.embedding_input_hash)],
            text_vector(late.embedding_text)[None],
        )
        # Later transactions end first: a position by sequence would pass the late one over.
        await world.register([draft(entry_id="early", title="early")])
        await world.build()
    assert await world.nearest(text_vector("late"), VIEWER, 1) == ["late"]
    assert await world.nearest(text_vector("early"), VIEWER, 1) == ["early"]
    assert len(await world.nearest(text_vector("late"), VIEWER, 100)) == 22


async def _outdate_the_nearest(world: SearchWorld, count: int) -> np.ndarray:
    await world.register([draft(entry_id=f"e{n}", title=f"{n}") for n in range(400)])
    await world.build()
    vector = text_vector("query")
    for name in list(await world.scores(vector, ADMIN))[:count]:
        await world.services.entries.delete(EDITOR, name)
    return vector


async def test_there_are_always_enough_hits_however_many_proposals_are_outdated(
    world: SearchWorld,
):
    vector = await _outdate_the_nearest(world, 300)
    answer = await world.assert_exact(vector, VIEWER, 10)
    assert len(answer.hits) == 10
    assert answer.strategy.startswith("vector(snapshot")


async def test_a_snapshot_that_is_all_outdated_is_passed_over(
    world: SearchWorld, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(nearest, "MOST_HITS", 100)
    vector = await _outdate_the_nearest(world, 300)
    answer = await world.assert_exact(vector, VIEWER, 10)
    assert answer.strategy == "vector(postgres)"
