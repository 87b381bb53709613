# pyright: reportUnknownMemberType=false
# (sentence-transformers names types of optional packages, images among them)
"""Any sentence-transformers model, computed by the library itself."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from hyper_registry.ai.encodable_text import require_encodable
from hyper_registry.ai.model_files import ModelFiles
from hyper_registry.domain.errors.service import ModelUnavailableError

_BATCH_TEXTS = 32


class LibraryEncoder:
    """A `TextEncoder` for models that the packed encoder does not compute.

    Importing this module takes seconds, so only `encoder_loading` does, and only when it must.

    Parameters
    ----------
    files
        The model; nothing is ever downloaded.
    device
        A torch device, such as ``"cpu"`` or ``"cuda"``.
    threads
        CPU threads for torch; the setting holds for the whole process. None leaves it alone.

    Raises
    ------
    ModelUnavailableError
        If the library cannot load the model.
    """

    def __init__(
        self, files: ModelFiles, *, device: str = "cpu", threads: int | None = None
    ) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        try:
            self._model = SentenceTransformer(
                str(files.directory), device=device, local_files_only=True
            )
            dimension = self._model.get_embedding_dimension()
        # The library hands on whatever its parts raise: OSError, ValueError, KeyError, its own.
        except Exception as error:
            raise ModelUnavailableError(files.name, str(error)) from error
        if dimension is None:
            raise ModelUnavailableError(files.name, "it does not state its dimension")
        self._dimension = dimension
        self._model_id = files.model_id

    @property
    def model_id(self) -> str:
        """Name and content hash of the model."""
        return self._model_id

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        return self._dimension

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode `texts`, see `TextEncoder.encode`.

        Raises
        ------
        InvalidFieldError
            If one of the texts is not encodable Unicode.
        """
        require_encodable(texts)
        if not texts:
            return np.empty((0, self._dimension), np.float32)
        vectors = self._model.encode(
            list(texts),
            batch_size=_BATCH_TEXTS,
            normalize_embeddings=True,
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        return np.asarray(vectors, dtype=np.float32)
