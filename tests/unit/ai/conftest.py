"""The packaged model, loaded once, and a directory of it that a test may change."""

import shutil
from pathlib import Path

import pytest

from hyper_registry.ai.encoder_loading import load_encoder
from hyper_registry.ai.model_files import locate_model
from hyper_registry.ai.packed_encoder import PackedEncoder


@pytest.fixture(scope="session")
def encoder() -> PackedEncoder:
    # One thread: two that share their cores with another process wait for each other.
    loaded = load_encoder(threads=1)
    assert isinstance(loaded, PackedEncoder)
    return loaded


@pytest.fixture
def model_copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(locate_model().directory, tmp_path / "my-model"))
