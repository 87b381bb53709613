"""Remote models over a handle that leads to an object in this process, in place of a replica."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray
from ray.exceptions import ActorUnavailableError, RayTaskError

from hyper_registry.domain.classification import Classification
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.errors.service import ModelUnavailableError
from serve_app.remote_models import (
    Handle,
    ModelIdentity,
    RemoteClassifier,
    RemoteEmbedder,
    RemoteTimeouts,
    connect_embedder,
)


class LocalHandle:
    """Calls the methods of an object as a deployment handle would."""

    def __init__(self, replica: object) -> None:
        self._replica = replica

    def options(self, *, _by_reference: bool) -> "LocalHandle":
        assert _by_reference is False
        return self

    def __getattr__(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(remote=getattr(self._replica, name))


class Replica:
    """Turns a text into a vector that holds its length, and fails as it is told to."""

    def __init__(self) -> None:
        self.model_id = "lengths@1"
        self.failures: list[Exception] = []
        self.calls: list[list[str]] = []

    async def identity(self) -> ModelIdentity:
        return ModelIdentity(self.model_id, 2)

    async def embed(self, texts: Sequence[str]) -> tuple[str, NDArray[np.float32]]:
        self.calls.append(list(texts))
        if self.failures:
            raise self.failures.pop(0)
        return self.model_id, np.array([[len(text), 1] for text in texts], np.float32)

    async def classify(self, _text: str) -> Classification:
        if self.failures:
            raise self.failures.pop(0)
        await asyncio.sleep(60)
        raise AssertionError("nobody waits so long")


@pytest.fixture
def replica() -> Replica:
    return Replica()


@pytest.fixture
async def embedder(replica: Replica) -> RemoteEmbedder:
    timeouts = RemoteTimeouts(call_s=5, start_s=5)
    return await connect_embedder(_handle(replica), timeouts, cache_size=100)


def _handle(replica: Replica) -> Handle:
    return cast("Handle", LocalHandle(replica))


def _lost() -> Exception:
    return ActorUnavailableError("the replica is gone", b"0" * 16)


def _raised_in_replica(cause: Exception) -> Exception:
    return RayTaskError("embed", "the traceback", cause).as_instanceof_cause()


async def test_many_texts_go_out_in_parts_and_come_back_in_order(
    embedder: RemoteEmbedder, replica: Replica
):
    texts = ["x" * (n % 40) for n in range(100)]
    vectors = await embedder.embed(texts)
    assert vectors[:, 0].tolist() == [len(text) for text in texts]
    assert (vectors.dtype, embedder.dimension) == (np.float32, 2)
    assert [len(call) for call in replica.calls] == [32, 8]


async def test_a_text_is_asked_for_once_and_the_answer_belongs_to_the_caller(
    embedder: RemoteEmbedder, replica: Replica
):
    first = await embedder.embed(["one", "three"])
    first[:] = 0
    assert (await embedder.embed(["three", "two"]))[:, 0].tolist() == [5, 3]
    assert replica.calls == [["one", "three"], ["two"]]
    assert (await embedder.embed([])).shape == (0, 2)


async def test_a_lost_replica_is_asked_again(embedder: RemoteEmbedder, replica: Replica):
    replica.failures = [_lost(), _lost()]
    assert (await embedder.embed(["four"]))[0, 0] == 4
    assert len(replica.calls) == 3


async def test_the_errors_of_the_replica_arrive_as_they_are(
    embedder: RemoteEmbedder, replica: Replica
):
    replica.failures = [_raised_in_replica(InvalidFieldError("text", "is bad", "Mend it."))]
    with pytest.raises(InvalidFieldError, match="text: is bad") as caught:
        await embedder.embed(["a"])
    assert type(caught.value) is InvalidFieldError
    replica.failures = [_raised_in_replica(RuntimeError("out of memory"))]
    with pytest.raises(ModelUnavailableError, match=r"lengths@1.*out of memory"):
        await embedder.embed(["a"])


async def test_vectors_of_another_model_are_refused(embedder: RemoteEmbedder, replica: Replica):
    replica.model_id = "lengths@2"
    with pytest.raises(ModelUnavailableError, match="'lengths@2' by now"):
        await embedder.embed(["a"])


async def test_a_text_that_is_no_unicode_is_refused_before_any_call(
    embedder: RemoteEmbedder, replica: Replica
):
    with pytest.raises(InvalidFieldError):
        await embedder.embed(["good", "bad\ud800"])
    with pytest.raises(InvalidFieldError):
        await RemoteClassifier(_handle(replica), timeout_s=1).classify("bad\ud800")
    assert replica.calls == []


async def test_a_replica_that_never_answers_is_unavailable(replica: Replica):
    replica.failures = [_lost()]
    classifier = RemoteClassifier(_handle(replica), timeout_s=0.5)
    with pytest.raises(ModelUnavailableError, match=r"the replica is gone.* within 0\.5 s"):
        await classifier.classify("anything")
