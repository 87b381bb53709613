"""The packaged model, loaded once, and a directory of it that a test may change."""

import shutil
from pathlib import Path

import pytest
import torch

from hyper_registry.ai.bert_shape import BertShape, read_bert_shape
from hyper_registry.ai.model_files import locate_model
from hyper_registry.ai.packed_encoder import PackedEncoder


@pytest.fixture(scope="session")
def encoder() -> PackedEncoder:
    """Return the model in float32, as the library computes it, whatever this machine prefers."""
    files = locate_model()
    shape = read_bert_shape(files)
    assert isinstance(shape, BertShape)
    # One thread: two that share their cores with another process wait for each other.
    return PackedEncoder(files, shape, threads=1, dtype=torch.float32)


@pytest.fixture
def model_copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(locate_model().directory, tmp_path / "my-model"))
