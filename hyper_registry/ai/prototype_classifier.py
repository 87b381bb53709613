"""Classification without a single label: which category's description is a text nearest to."""

import asyncio
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hyper_registry.ai.category_prototypes import CATEGORY_PROTOTYPES
from hyper_registry.domain.classification import CategoryConfidence, Classification
from hyper_registry.domain.ports import Embedder

DEFAULT_TEMPERATURE = 0.05
"""Cosine difference that makes one category e times as likely as another."""

_ALTERNATIVES = 3


class PrototypeClassifier:
    """The `Classifier` port by the means of a few embedded phrases for each category.

    A mean of several phrases stands for a category better than one: what the phrases share
    remains, the accidents of their wording average out. The confidence orders proposals; it is
    not calibrated, which takes labels.

    The phrases are embedded at the first classification.

    Parameters
    ----------
    embedder
        Embeds phrases and texts.
    prototypes
        Phrases for each category, at least one each.
    temperature
        Cosine difference that makes one category e times as likely as another; above 0.
    """

    def __init__(
        self,
        embedder: Embedder,
        *,
        prototypes: Mapping[str, Sequence[str]] = CATEGORY_PROTOTYPES,
        temperature: float = DEFAULT_TEMPERATURE,
    ) -> None:
        self._embedder = embedder
        self._phrases = {str(category): tuple(phrases) for category, phrases in prototypes.items()}
        self._categories = tuple(self._phrases)
        self._temperature = temperature
        self._prototypes: NDArray[np.float32] | None = None
        self._preparation = asyncio.Lock()

    async def classify(self, text: str) -> Classification:
        """Classify a text, see `Classifier.classify`.

        Raises
        ------
        InvalidFieldError
            If the text is not encodable Unicode.
        ModelUnavailableError
            If the embedder is closed or cannot be reached.
        """
        prototypes = await self._embedded_prototypes()
        [vector] = await self._embedder.embed([text])
        confidences = softmax(prototypes @ vector / self._temperature)
        ranked: list[int] = np.argsort(-confidences, kind="stable").tolist()
        best, *others = (
            CategoryConfidence(category=self._categories[i], confidence=float(confidences[i]))
            for i in ranked[: _ALTERNATIVES + 1]
        )
        return Classification(
            category=best.category, confidence=best.confidence, alternatives=tuple(others)
        )

    async def _embedded_prototypes(self) -> NDArray[np.float32]:
        async with self._preparation:
            if self._prototypes is None:
                vectors = await self._embedder.embed(
                    [phrase for phrases in self._phrases.values() for phrase in phrases]
                )
                self._prototypes = mean_directions(
                    vectors, [len(phrases) for phrases in self._phrases.values()]
                )
            return self._prototypes


def mean_directions(vectors: NDArray[np.float32], counts: Sequence[int]) -> NDArray[np.float32]:
    """Return the normalised mean of each run of vectors.

    Parameters
    ----------
    vectors
        ``(sum(counts), dimension) float32``, L2-normalised.
    counts
        Lengths of the runs, each at least 1.

    Returns
    -------
    numpy.ndarray
        ``(len(counts), dimension) float32``, L2-normalised.
    """
    starts = np.concatenate(([0], np.cumsum(counts)[:-1])).astype(np.intp)
    sums = np.add.reduceat(vectors, starts, axis=0)
    return (sums / np.linalg.norm(sums, axis=1, keepdims=True)).astype(np.float32)


def softmax(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return positive numbers that sum to one, in the proportions of ``exp(scores)``.

    Examples
    --------
    >>> softmax(np.array([0.0, 0.0], dtype=np.float32)).tolist()
    [0.5, 0.5]
    """
    exponentials = np.exp(scores.astype(np.float64) - float(scores.max()))
    return exponentials / exponentials.sum()
