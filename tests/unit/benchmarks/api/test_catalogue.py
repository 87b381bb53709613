from itertools import islice

from benchmarks.api.catalogue import draft_at, edges, fresh_edges, queries
from benchmarks.api.operations import BULK_ROWS, OPERATIONS
from hyper_registry.domain.entry import EntryDraft


def test_every_entry_is_a_valid_draft_and_the_same_each_time():
    drafts = [EntryDraft.model_validate(draft_at(position)) for position in range(300)]
    assert drafts == [EntryDraft.model_validate(draft_at(position)) for position in range(300)]
    assert len({draft.entry_id for draft in drafts}) == 300
    assert len({draft.embedding_text for draft in drafts}) == 300


def test_relationships_are_distinct_and_never_lead_back():
    drawn = edges(500, 2_500)
    assert len(set(drawn)) == 2_500
    assert all(edge.source != edge.target for edge in drawn)
    assert all(0 <= end < 500 for edge in drawn for end in (edge.source, edge.target))
    fresh = list(islice(fresh_edges(500, 7), 1_000))
    assert len(set(fresh)) == 1_000
    assert set(fresh).isdisjoint(drawn)


def test_no_query_is_asked_twice_in_a_stream():
    asked = list(islice(queries(1), 5_000))
    assert len(set(asked)) == 5_000


def test_streams_of_different_seeds_share_no_write():
    for operation in (item for item in OPERATIONS if item.status == 201 or item.writes):
        first, second = (
            {request.body for request in islice(operation.requests(100, seed), 20)}
            for seed in (1, 2)
        )
        assert len(first) == len(second) == 20
        assert first.isdisjoint(second)


def test_a_bulk_request_holds_as_many_rows_as_it_says():
    bulk = next(item for item in OPERATIONS if item.name == "bulk_register_100")
    request = next(bulk.requests(10, 1))
    assert request.body is not None
    assert request.body.count(b'"entry_id"') == BULK_ROWS == 100
