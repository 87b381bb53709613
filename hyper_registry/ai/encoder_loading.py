"""Choosing and loading the encoder for a model."""

import logging

from hyper_registry.ai.bert_shape import UnsupportedModel, read_bert_shape
from hyper_registry.ai.model_files import PACKAGED_MODEL, locate_model
from hyper_registry.ai.text_encoder import TextEncoder

_logger = logging.getLogger(__name__)


def load_encoder(
    model: str = PACKAGED_MODEL, device: str = "cpu", threads: int | None = None
) -> TextEncoder:
    """Load a model: packed where that computes exactly this model, else by the library.

    Parameters
    ----------
    model
        `PACKAGED_MODEL`, or the path of a sentence-transformers model directory.
    device
        A torch device, such as ``"cpu"`` or ``"cuda"``.
    threads
        CPU threads for torch; the setting holds for the whole process. None leaves it alone.

    Raises
    ------
    ModelUnavailableError
        If there is no such model, or it cannot be loaded.
    """
    files = locate_model(model)
    shape = read_bert_shape(files)
    if isinstance(shape, UnsupportedModel):
        _logger.info("Model %s goes to the library: %s", files.model_id, shape.reason)
        from hyper_registry.ai.library_encoder import LibraryEncoder  # noqa: PLC0415 (see below)

        return LibraryEncoder(files, device=device, threads=threads)
    # PyTorch takes seconds to import: only a process that encodes pays for it.
    from hyper_registry.ai.packed_encoder import PackedEncoder  # noqa: PLC0415

    return PackedEncoder(files, shape, device=device, threads=threads)


def query_encoder(encoder: TextEncoder, device: str = "cpu") -> TextEncoder:
    """Return what to encode queries with: `encoder` itself, or a faster copy of it.

    Vectors of the two are compared with each other, so the copy has the same `model_id`.

    Parameters
    ----------
    device
        Where `encoder` was loaded.
    """
    from hyper_registry.ai.packed_encoder import PackedEncoder  # noqa: PLC0415 (see load_encoder)
    from hyper_registry.ai.weight_precision import (  # noqa: PLC0415
        encodes_queries_in_int8,
        read_cpu_flags,
    )

    if isinstance(encoder, PackedEncoder) and encodes_queries_in_int8(device, read_cpu_flags()):
        return encoder.quantized()
    return encoder
