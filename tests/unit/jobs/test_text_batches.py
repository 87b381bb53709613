from hyper_registry.ai.arrow_embedding import INPUT_SCHEMA
from hyper_registry.domain.identifiers import EntryKey
from hyper_registry.storage.search_store import EmbeddingInput
from jobs.text_batches import arrow_batch, batches_by_length, plan_embedding


def inputs(*lengths: int) -> list[EmbeddingInput]:
    return [
        EmbeddingInput(EntryKey(number), "x" * length, bytes([number]))
        for number, length in enumerate(lengths)
    ]


def test_batches_hold_every_text_once_and_like_lengths_together():
    batches = batches_by_length(inputs(1, 50, 2, 60, 3), 2)
    assert [[len(item.text) for item in batch] for batch in batches] == [[60, 50], [3, 2], [1]]


def test_no_texts_make_no_batches():
    assert batches_by_length([], 8) == []


def test_a_batch_has_the_columns_that_embedding_reads():
    table = arrow_batch(inputs(3, 1))
    assert table.schema == INPUT_SCHEMA
    assert table.to_pylist() == [
        {"entry_key": 0, "text": "xxx", "input_hash": b"\x00"},
        {"entry_key": 1, "text": "x", "input_hash": b"\x01"},
    ]


def test_a_plan_never_has_more_workers_than_cpus_nor_less_than_one():
    assert plan_embedding(10_000, 4).workers == 4
    assert plan_embedding(999, 4).workers == 1
    assert plan_embedding(0, 4).workers == 1
