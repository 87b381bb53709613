"""The in-process embedder: batching, caching, fairness, errors, closing."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest
import torch

from hyper_registry.ai.bert_shape import BertShape, read_bert_shape
from hyper_registry.ai.model_files import locate_model
from hyper_registry.ai.packed_encoder import PackedEncoder
from hyper_registry.ai.query_embedder import LocalEmbedder
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.errors.service import ModelUnavailableError
from hyper_registry.domain.ports import Embedder

POISON = "text on which the model fails"


class ObservedEncoder(PackedEncoder):
    """The real encoder; it records its calls, can be held back, and fails on one text."""

    def __init__(self) -> None:
        shape = read_bert_shape(locate_model())
        assert isinstance(shape, BertShape)
        super().__init__(locate_model(), shape, dtype=torch.float32)
        self.calls: list[list[str]] = []
        self.may_run = threading.Event()
        self.may_run.set()

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        self.calls.append(list(texts))
        assert self.may_run.wait(30)
        if POISON in texts:
            raise MemoryError(POISON)
        return super().encode(texts)


@pytest.fixture(scope="module")
def loaded() -> ObservedEncoder:
    return ObservedEncoder()


@pytest.fixture
def observed(loaded: ObservedEncoder) -> ObservedEncoder:
    loaded.calls.clear()
    loaded.may_run.set()
    return loaded


@pytest.fixture
async def embedder(observed: ObservedEncoder) -> AsyncIterator[LocalEmbedder]:
    local = LocalEmbedder(observed, max_batch=8)
    yield local
    observed.may_run.set()
    await local.aclose()


async def begin(embedder: Embedder, *texts: str) -> asyncio.Task[np.ndarray]:
    """Start a request and let it reach the queue."""
    task = asyncio.create_task(embedder.embed(texts))  # pyright: ignore[reportArgumentType]  # a coroutine, by the port's contract
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return task


async def test_meets_the_port(embedder: LocalEmbedder, encoder: PackedEncoder) -> None:
    port: Embedder = embedder
    assert (port.model_id, port.dimension) == (encoder.model_id, 384)
    texts = ["one", "two", ""]
    vectors = await port.embed(texts)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, encoder.encode(texts), atol=1e-5)
    assert (await port.embed([])).shape == (0, 384)


async def test_concurrent_requests_equal_sequential_ones(
    embedder: LocalEmbedder, observed: ObservedEncoder, encoder: PackedEncoder
) -> None:
    texts = [f"entry number {number} about {number % 7} things" for number in range(100)]
    results = await asyncio.gather(*(embedder.embed([text]) for text in texts))
    expected = np.concatenate([encoder.encode([text]) for text in texts])
    np.testing.assert_allclose(np.concatenate(results), expected, atol=1e-5)
    assert sum(len(call) for call in observed.calls) == 100
    assert max(len(call) for call in observed.calls) == 8
    assert len(observed.calls) <= 14


async def test_cached_text_is_not_encoded_again(
    embedder: LocalEmbedder, observed: ObservedEncoder
) -> None:
    first = await embedder.embed(["cached", "other"])
    again = await embedder.embed(["other", "cached", "new"])
    assert observed.calls == [["cached", "other"], ["new"]]
    np.testing.assert_array_equal(again[:2], first[::-1])


async def test_answer_belongs_to_the_caller(embedder: LocalEmbedder) -> None:
    first = await embedder.embed(["mine"])
    kept = first.copy()
    first[:] = 0
    np.testing.assert_array_equal(await embedder.embed(["mine"]), kept)


async def test_cache_can_be_off(observed: ObservedEncoder) -> None:
    embedder = LocalEmbedder(observed, cache_size=0)
    await embedder.embed(["again"])
    await embedder.embed(["again"])
    await embedder.aclose()
    assert observed.calls == [["again"], ["again"]]


async def test_same_text_in_flight_is_encoded_once(
    embedder: LocalEmbedder, observed: ObservedEncoder
) -> None:
    results = await asyncio.gather(*(embedder.embed(["same", "same"]) for _ in range(5)))
    assert observed.calls == [["same"]]
    for result in results:
        np.testing.assert_array_equal(result, np.repeat(results[0][:1], 2, axis=0))


async def test_bulk_request_does_not_hold_up_a_query(
    embedder: LocalEmbedder, observed: ObservedEncoder
) -> None:
    observed.may_run.clear()
    bulk = await begin(embedder, *(f"row {number}" for number in range(40)))
    query = await begin(embedder, "query")
    observed.may_run.set()
    await asyncio.gather(bulk, query)
    assert [len(call) for call in observed.calls] == [8, 8, 8, 8, 8, 1]
    assert "query" in observed.calls[1]


async def test_failing_text_fails_only_its_own_request(
    embedder: LocalEmbedder, observed: ObservedEncoder, encoder: PackedEncoder
) -> None:
    observed.may_run.clear()
    first = await begin(embedder, "first")
    tasks = [await begin(embedder, text) for text in ("good", POISON, "fine")]
    mixed = await begin(embedder, "sound", POISON)
    observed.may_run.set()
    good, bad, fine, both = await asyncio.gather(*tasks, mixed, return_exceptions=True)
    await first
    assert isinstance(bad, MemoryError)
    assert isinstance(both, MemoryError)
    assert isinstance(good, np.ndarray)
    assert isinstance(fine, np.ndarray)
    expected = encoder.encode(["good", "fine"])
    np.testing.assert_allclose(np.concatenate([good, fine]), expected, atol=1e-5)
    # The failure is not cached, and the embedder works on.
    with pytest.raises(MemoryError):
        await embedder.embed([POISON])
    assert (await embedder.embed(["sound"])).shape == (1, 384)


async def test_text_that_is_no_unicode_never_reaches_the_model(
    embedder: LocalEmbedder, observed: ObservedEncoder
) -> None:
    with pytest.raises(InvalidFieldError, match="text 1 holds half a surrogate pair"):
        await embedder.embed(["fine", "\ud83d"])
    assert observed.calls == []


async def test_cancelled_request_leaves_the_others_alone(
    embedder: LocalEmbedder, observed: ObservedEncoder, encoder: PackedEncoder
) -> None:
    observed.may_run.clear()
    running = await begin(embedder, "running")
    given_up, wanted = await begin(embedder, "shared"), await begin(embedder, "shared")
    given_up.cancel()
    await asyncio.sleep(0)
    observed.may_run.set()
    np.testing.assert_allclose(await wanted, encoder.encode(["shared"]), atol=1e-5)
    await running
    assert given_up.cancelled()


async def test_closing_finishes_what_was_asked_for(observed: ObservedEncoder) -> None:
    embedder = LocalEmbedder(observed, max_batch=1)
    tasks = [await begin(embedder, text) for text in ("one", "two", "three")]
    await embedder.aclose()
    assert [task.result().shape for task in tasks] == [(1, 384)] * 3
    await embedder.aclose()
    with pytest.raises(ModelUnavailableError, match="the embedder is closed"):
        await embedder.embed(["late"])


async def test_event_loop_stays_free_while_encoding(
    embedder: LocalEmbedder, observed: ObservedEncoder
) -> None:
    observed.may_run.clear()
    task = await begin(embedder, "slow")
    for _ in range(100):
        await asyncio.sleep(0)
    assert not task.done()
    observed.may_run.set()
    assert (await task).shape == (1, 384)
