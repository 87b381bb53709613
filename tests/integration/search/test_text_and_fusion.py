"""Search by words, and how its lists become one."""

import pytest

from hyper_registry.domain.errors.input import InvalidQueryError
from hyper_registry.domain.search import Fusion, SearchFilters, SearchMode, SearchQuery
from hyper_registry.search.ranking import Ranking
from hyper_registry.storage.database import Database
from tests.support.search_world import SearchWorld, text_vector
from tests.support.services import EDITOR, VIEWER, draft

HIDDEN = {"visibility": "private", "readers": ["user:somebody-else"]}
ENTRIES = [
    draft(entry_id="all", title="Weather reader", description="Reads the forecast of tomorrow."),
    draft(entry_id="rare", title="Forecast of floods"),
    *(draft(entry_id=f"reader{n}", title=f"Reader {n}", category="model") for n in range(5)),
    draft(entry_id="other", title="Tax ledger"),
    draft(entry_id="hidden", title="Weather reader forecast", security=HIDDEN),
]
QUESTION = "Which reader shows the weather forecast?"


@pytest.fixture
async def filled(world: SearchWorld) -> SearchWorld:
    await world.register(ENTRIES)
    return world


async def _found(world: SearchWorld, text: str, limit: int = 10) -> list[str]:
    answer = await world.search.text_search(VIEWER, text, limit=limit)
    return [hit.entry_id for hit in answer.hits]


async def test_a_question_finds_entries_by_their_rarest_words(filled: SearchWorld):
    answer = await filled.search.text_search(VIEWER, QUESTION)
    found = [hit.entry_id for hit in answer.hits]
    assert found[:2] == ["all", "rare"]
    assert set(found[2:]) == {f"reader{n}" for n in range(5)}
    assert (answer.total, answer.strategy) == (7, "text(any word)")
    assert all(0 < hit.relevance_score <= 1 for hit in answer.hits)


async def test_entries_with_all_words_come_first_and_suffice_where_they_fill_the_answer(
    filled: SearchWorld,
):
    assert (await _found(filled, "weather reader"))[0] == "all"
    assert len(await _found(filled, "weather reader")) == 6
    answer = await filled.search.text_search(VIEWER, "weather reader", limit=1)
    assert [hit.entry_id for hit in answer.hits] == ["all"]
    assert (answer.total, answer.strategy) == (1, "text")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('"forecast of floods"', ["rare"]),
        ('"floods of forecast"', []),
        ("forecast -floods", ["all"]),
        ("ledger", ["other"]),
        ("nothing", []),
        ("' \\ '' & | ! <-> :* ( ledger\\", ["other"]),
        ("tax:ledger https://x.y/?a=b&c=d", ["other"]),
        ("the of and", []),
    ],
)
async def test_operators_are_obeyed_and_other_signs_do_no_harm(
    filled: SearchWorld, query: str, expected: list[str]
):
    assert await _found(filled, query) == expected


async def test_words_common_beyond_counting_leave_the_total_open(filled: SearchWorld):
    async with filled.database.connection() as connection:
        found = await filled.store.any_word_candidates(
            connection, QUESTION, ["*"], SearchFilters(), 10, entries_per_word=3
        )
    assert found.total is None
    assert len(found.scores) == 4


async def test_filters_hold_for_entries_with_some_of_the_words(filled: SearchWorld):
    answer = await filled.search.text_search(
        VIEWER, QUESTION, SearchFilters(category=("model",)), limit=10
    )
    assert {hit.entry_id for hit in answer.hits} == {f"reader{n}" for n in range(5)}
    assert answer.total == 5


async def test_meeting_the_filters_counts_with_its_weight(filled: SearchWorld):
    query = SearchQuery(query="ledger", filters=SearchFilters(category=("agent",)))
    (hit,) = (await filled.search.search(VIEWER, query)).hits
    assert (hit.parts["text"], hit.parts["filter"], hit.relevance_score) == (1, 1, 1)
    weighted = query.model_copy(update={"fusion": Fusion.WEIGHTED})
    (hit,) = (await filled.search.search(VIEWER, weighted)).hits
    assert hit.parts == {"text": 1.0, "vector": 1.0, "filter": 1.0}
    assert hit.relevance_score == pytest.approx(1)
    for mode, parts in ((SearchMode.TEXT, {"text"}), (SearchMode.VECTOR, {"vector"})):
        answer = await filled.search.search(VIEWER, query.model_copy(update={"mode": mode}))
        assert set(answer.hits[0].parts) == parts | {"filter"}


async def test_fusion_is_chosen_by_the_query_or_else_by_the_deployment(
    database: Database, tmp_path
):
    by_rank = SearchWorld(database, tmp_path, Ranking(candidates=10, fusion=Fusion.RECIPROCAL_RANK))
    await by_rank.register(ENTRIES)
    query = SearchQuery(query="forecast", mode=SearchMode.TEXT)
    for fusion, second in ((None, 61 / 62), (Fusion.WEIGHTED, 0.1)):
        asked = query.model_copy(update={"fusion": fusion})
        hits = (await by_rank.search.search(VIEWER, asked)).hits
        assert [hit.entry_id for hit in hits] == ["rare", "all"]
        assert [hit.relevance_score for hit in hits] == [1, pytest.approx(second)]
    by_rank.reader.close()


async def test_hybrid_search_finds_by_words_and_by_meaning(filled: SearchWorld):
    await filled.build()
    tax = next(item for item in ENTRIES if item.entry_id == "other")
    answer = await filled.search.hybrid_search(VIEWER, tax.embedding_text)
    assert answer.hits[0].entry_id == "other"
    assert answer.hits[0].parts == {"text": 1.0, "vector": 1.0}
    assert answer.strategy == "text+vector(snapshot+delta)"


async def test_a_filter_search_lists_the_latest_change_first(filled: SearchWorld):
    await filled.services.entries.replace(EDITOR, "reader2", draft(title="x", category="model"))
    answer = await filled.search.filter_search(VIEWER, SearchFilters(category=("model",)), limit=2)
    assert answer.hits[0].entry_id == "reader2"
    assert (len(answer.hits), answer.total, answer.strategy) == (2, 5, "filter")


async def test_vector_search_takes_a_text_or_a_vector_of_any_length(filled: SearchWorld):
    by_text = await filled.search.vector_search(VIEWER, "Tax ledger", limit=3)
    by_vector = await filled.search.vector_search(VIEWER, 7 * text_vector("Tax ledger"), limit=3)
    assert by_text.hits[0].entry_id == "other"
    assert [hit.entry_id for hit in by_text.hits] == [hit.entry_id for hit in by_vector.hits]


@pytest.mark.parametrize(
    "vector", [0 * text_vector("x"), text_vector("x")[:7], [float("nan")] * 384]
)
async def test_a_vector_without_direction_is_refused(filled: SearchWorld, vector):
    with pytest.raises(InvalidQueryError, match="vector"):
        await filled.search.vector_search(VIEWER, vector)


async def test_a_query_of_several_sentences_finds_what_is_near_to_one_of_them(
    filled: SearchWorld, database: Database, tmp_path
):
    tax = next(item for item in ENTRIES if item.entry_id == "other").embedding_text
    query = SearchQuery(query=f"Zebras are striped. {tax}.\n{tax}", mode=SearchMode.VECTOR)
    hits = (await filled.search.search(VIEWER, query)).hits
    # Random directions are orthogonal, so only the sentence that is its text is near to it.
    assert hits[0].entry_id == "other"
    assert len({hit.entry_id for hit in hits}) == len(hits) == 8
    whole = SearchWorld(database, tmp_path, Ranking(sentences=0))
    (alone,) = (await whole.search.search(VIEWER, query.model_copy(update={"limit": 1}))).hits
    nearest = (await whole.search.vector_search(VIEWER, text_vector(query.query), limit=1)).hits
    assert alone.entry_id == nearest[0].entry_id
    whole.reader.close()


async def test_adaptive_fusion_leaves_out_only_what_is_unrelated(
    filled: SearchWorld, database: Database, tmp_path
):
    query = SearchQuery(query="tax ledger")
    (hit,) = (await filled.search.search(VIEWER, query)).hits
    assert (hit.entry_id, hit.relevance_score) == ("other", 1)
    lenient = SearchWorld(database, tmp_path, Ranking(vector_threshold=-1))
    hits = (await lenient.search.search(VIEWER, query)).hits
    assert hits[0].entry_id == "other"
    assert len(hits) == 8
    assert max(hit.relevance_score for hit in hits[1:]) < 0.5
    lenient.reader.close()
