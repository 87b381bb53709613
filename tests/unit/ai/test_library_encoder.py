"""Models that go to sentence-transformers itself."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from hyper_registry.ai.encoder_loading import load_encoder
from hyper_registry.ai.library_encoder import LibraryEncoder
from hyper_registry.ai.model_files import locate_model
from hyper_registry.ai.packed_encoder import PackedEncoder
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.errors.service import ModelUnavailableError
from tests.unit.ai.real_texts import PLAIN_TEXTS


@pytest.fixture
def other_pooling(model_copy: Path) -> Path:
    """Return a model whose sentences are their first token, not their mean."""
    pooling = model_copy / "1_Pooling" / "config.json"
    config = json.loads(pooling.read_text())
    config |= {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    pooling.write_text(json.dumps(config))
    return model_copy


def test_other_model_goes_to_the_library(
    other_pooling: Path, encoder: PackedEncoder, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "hyper_registry.ai.encoder_loading"):
        fallback = load_encoder(str(other_pooling))
    assert isinstance(fallback, LibraryEncoder)
    assert fallback.model_id == locate_model(str(other_pooling)).model_id
    assert fallback.dimension == 384
    assert "it pools by ['cls']" in caplog.text
    vectors = fallback.encode(PLAIN_TEXTS)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    # It was the changed model that answered.
    assert not np.allclose(vectors, encoder.encode(PLAIN_TEXTS), atol=0.1)


def test_model_without_normalisation_is_normalised(model_copy: Path) -> None:
    modules = json.loads((model_copy / "modules.json").read_text())
    (model_copy / "modules.json").write_text(json.dumps(modules[:2]))
    fallback = load_encoder(str(model_copy))
    assert isinstance(fallback, LibraryEncoder)
    norms = np.linalg.norm(fallback.encode(["one", "two words"]), axis=1)
    np.testing.assert_allclose(norms, 1.0, atol=1e-5)


def test_changed_activation_is_computed_as_configured(model_copy: Path) -> None:
    config = json.loads((model_copy / "config.json").read_text()) | {"hidden_act": "relu"}
    (model_copy / "config.json").write_text(json.dumps(config))
    assert isinstance(load_encoder(str(model_copy)), LibraryEncoder)


def test_edges_match_the_packed_encoder(encoder: PackedEncoder) -> None:
    library = LibraryEncoder(locate_model())
    assert library.encode([]).shape == (0, 384)
    np.testing.assert_allclose(library.encode([""]), encoder.encode([""]), atol=1e-5)
    with pytest.raises(InvalidFieldError, match="text 0 holds half a surrogate pair"):
        library.encode(["\udfff"])


def test_unknown_architecture_is_one_clear_error(model_copy: Path) -> None:
    (model_copy / "config.json").write_text('{"model_type": "abacus"}')
    with pytest.raises(ModelUnavailableError, match="my-model"):
        load_encoder(str(model_copy))
