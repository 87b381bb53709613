"""What both encoders of this package offer."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class TextEncoder(Protocol):
    """A loaded model; calls block the calling thread and come from one thread at a time."""

    @property
    def model_id(self) -> str:
        """Name and content hash of the model, part of every vector's identity."""
        ...

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode `texts`; what exceeds the model's token limit is cut off.

        Returns
        -------
        numpy.ndarray
            ``(len(texts), dimension) float32``, L2-normalised, in the order of `texts`. Equal
            calls give equal bits; another batch around a text moves it by at most 1e-5 in
            float32, and leaves its cosine above .9995 in a narrower format.

        Raises
        ------
        InvalidFieldError
            If one of the texts is not encodable Unicode.
        """
        ...
