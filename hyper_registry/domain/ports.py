"""What the services need of parts that have more than one implementation.

Each port is met by an in-process implementation in `hyper_registry.ai` and by one behind a Ray
Serve handle in `serve_app`; the factory decides which one a service receives.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hyper_registry.domain.classification import Classification
from hyper_registry.domain.identifiers import EntryKey


class Embedder(Protocol):
    """Turns texts into vectors whose inner product says how near their meanings are."""

    @property
    def model_id(self) -> str:
        """Name and content hash of the model: vectors of different ids are never compared."""
        ...

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        ...

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed `texts`.

        Returns
        -------
        numpy.ndarray
            ``(len(texts), dimension) float32``, L2-normalised, in the order of `texts`; owned by
            the caller.

        Raises
        ------
        InvalidFieldError
            If one of the texts is not encodable Unicode.
        ModelUnavailableError
            If the model cannot be loaded or reached.
        """
        ...


class Classifier(Protocol):
    """Proposes the category of a text."""

    async def classify(self, text: str) -> Classification:
        """Return the likeliest category of `text`, its confidence and the runners-up.

        Raises
        ------
        InvalidFieldError
            If the text is not encodable Unicode.
        ModelUnavailableError
            If the model cannot be loaded or reached.
        """
        ...


class AlikeTexts(Protocol):
    """Finds entries that say about the same as another one.

    Vector search does, and lies beside the catalogue.
    """

    @property
    def model_id(self) -> str:
        """The model whose embeddings are compared."""
        ...

    async def find(self, key: EntryKey, grants: list[str] | None, limit: int) -> list[EntryKey]:
        """Return the entries nearest to one that `grants` may see, the nearest first.

        There are none where the entry is not embedded yet.
        """
        ...
