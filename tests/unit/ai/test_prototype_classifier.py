"""Classification without labels."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyper_registry.ai.category_prototypes import CATEGORY_PROTOTYPES
from hyper_registry.ai.packed_encoder import PackedEncoder
from hyper_registry.ai.prototype_classifier import PrototypeClassifier, mean_directions, softmax
from hyper_registry.ai.query_embedder import LocalEmbedder
from hyper_registry.domain.category import Category
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.ports import Classifier


@pytest.fixture(scope="module")
async def embedder(encoder: PackedEncoder) -> AsyncIterator[LocalEmbedder]:
    local = LocalEmbedder(encoder)
    yield local
    await local.aclose()


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("Credit risk scorer\nXGBoost model trained on loan defaults, AUC 0.91", "model"),
        ("Customer orders 2023\nCSV files with one row for each order, 4 million rows", "dataset"),
        ("Invoice approval\nThe clerk enters it, the manager approves, finance pays", "workflow"),
        ("Clickstream ETL\nEvery hour reads events from S3 and loads them to Redshift", "pipeline"),
        ("Weather API\nREST endpoints returning forecasts as JSON, OpenAPI 3", "api"),
        ("Data science department\nThirty people in Berlin who own analytics", "organization"),
        ("prod-us-east cluster\nKubernetes nodes, networks and load balancers", "infrastructure"),
        ("PagerDuty incoming hook\nURL that receives a POST when an incident opens", "webhook"),
        ("Disk full alert\nSends an SMS and an email to the engineer on call", "notification"),
        ("Flask starter\nBoilerplate to copy when beginning a new web app", "template"),
        ("ESLint extension for VS Code\nAdds linting to the editor", "plugin"),
        ("Research assistant\nAutonomous LLM agent that plans, browses and writes", "agent"),
    ],
)
async def test_clear_texts_get_their_category(
    embedder: LocalEmbedder, text: str, category: str
) -> None:
    classifier: Classifier = PrototypeClassifier(embedder)
    result = await classifier.classify(text)
    assert result.category == category
    confidences = [result.confidence, *(other.confidence for other in result.alternatives)]
    assert confidences == sorted(confidences, reverse=True)
    assert sum(confidences) <= 1.0
    assert len({category, *(other.category for other in result.alternatives)}) == 4


async def test_vague_text_gets_low_confidence(embedder: LocalEmbedder) -> None:
    classifier = PrototypeClassifier(embedder)
    clear = await classifier.classify("JSON Schema of the event published when a user signs up")
    assert clear.confidence > 0.7
    assert (await classifier.classify("")).confidence < 0.3


async def test_own_categories_can_be_given(embedder: LocalEmbedder) -> None:
    classifier = PrototypeClassifier(
        embedder, prototypes={"robot": ["industrial robot arm"], "vehicle": ["car or truck"]}
    )
    result = await classifier.classify("six-axis welding arm")
    assert result.category == "robot"
    assert [other.category for other in result.alternatives] == ["vehicle"]
    assert result.confidence + result.alternatives[0].confidence == pytest.approx(1.0)


async def test_temperature_spreads_the_confidence(embedder: LocalEmbedder) -> None:
    text = "REST API with JSON"
    sharp = await PrototypeClassifier(embedder, temperature=0.01).classify(text)
    broad = await PrototypeClassifier(embedder, temperature=10.0).classify(text)
    assert sharp.category == broad.category == "api"
    assert sharp.confidence > 0.95
    assert broad.confidence == pytest.approx(1 / 26, abs=0.01)


async def test_concurrent_first_calls_agree(embedder: LocalEmbedder) -> None:
    classifier = PrototypeClassifier(embedder)
    texts = ["labelled images", "approval process"] * 5
    results = await asyncio.gather(*(classifier.classify(text) for text in texts))
    assert [result.category for result in results] == ["dataset", "workflow"] * 5


async def test_text_that_is_no_unicode_is_refused(embedder: LocalEmbedder) -> None:
    with pytest.raises(InvalidFieldError, match="half a surrogate pair"):
        await PrototypeClassifier(embedder).classify("\ud800")


def test_every_category_is_described() -> None:
    assert set(CATEGORY_PROTOTYPES) == set(Category)
    phrases = [phrase for several in CATEGORY_PROTOTYPES.values() for phrase in several]
    assert len(set(phrases)) == len(phrases)
    assert min(len(several) for several in CATEGORY_PROTOTYPES.values()) >= 4


def test_mean_directions_are_normalised_means_of_runs() -> None:
    vectors = np.array([[1, 0], [0, 1], [0, 1]], dtype=np.float32)
    half = np.sqrt(0.5)
    np.testing.assert_allclose(mean_directions(vectors, [2, 1]), [[half, half], [0, 1]], atol=1e-6)


@given(st.lists(st.floats(-1000, 1000, width=32), min_size=1, max_size=30))
def test_softmax_is_a_distribution_in_the_order_of_the_scores(scores: list[float]) -> None:
    result = softmax(np.array(scores, dtype=np.float32))
    assert result.sum() == pytest.approx(1.0)
    assert result.min() >= 0
    assert result[np.argmax(scores)] == result.max()
