"""The packed encoder against the library's own output, and its errors."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hyper_registry.ai import weight_precision
from hyper_registry.ai.bert_shape import BertShape, read_bert_shape
from hyper_registry.ai.encoder_loading import load_encoder, query_encoder
from hyper_registry.ai.model_files import locate_model
from hyper_registry.ai.packed_encoder import PackedEncoder, length_groups, token_batches
from hyper_registry.domain.errors.input import InvalidFieldError
from hyper_registry.domain.errors.service import ModelUnavailableError
from tests.unit.ai.real_texts import AWKWARD_TEXTS, PLAIN_TEXTS

TEXTS = [*PLAIN_TEXTS, *AWKWARD_TEXTS]


def packaged_shape() -> BertShape:
    shape = read_bert_shape(locate_model())
    assert isinstance(shape, BertShape)
    return shape


def library_vectors(texts: list[str]) -> np.ndarray:
    # Imported here, because it takes seconds that the other tests need not wait for.
    from hyper_registry.ai.library_encoder import LibraryEncoder

    return LibraryEncoder(locate_model()).encode(texts)


def test_the_packaged_model_is_packed() -> None:
    assert isinstance(load_encoder(), PackedEncoder)


def test_equals_the_library(encoder: PackedEncoder) -> None:
    ours, theirs = encoder.encode(TEXTS), library_vectors(TEXTS)
    cosines = np.einsum("ij,ij->i", ours, theirs)
    assert cosines.min() >= 0.999999
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_bfloat16_weights_stay_close(encoder: PackedEncoder) -> None:
    narrow = PackedEncoder(locate_model(), packaged_shape(), dtype=torch.bfloat16)
    texts = [*PLAIN_TEXTS, "", "a", "🚀"]
    cosines = np.einsum("ij,ij->i", narrow.encode(texts), encoder.encode(texts))
    assert cosines.min() >= 0.9995


def test_int8_weights_stay_close_and_leave_the_original_alone(encoder: PackedEncoder) -> None:
    texts = [*PLAIN_TEXTS, "", "a", "🚀"]
    exact = encoder.encode(texts)
    narrow = encoder.quantized()
    vectors = narrow.encode(texts)
    cosines = np.einsum("ij,ij->i", vectors, exact)
    assert cosines[: len(PLAIN_TEXTS)].min() >= 0.995
    assert 0.98 <= cosines.min() < 0.99999
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    np.testing.assert_array_equal(encoder.encode(texts), exact)
    assert narrow.model_id == encoder.model_id


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_int8_weights_come_from_either_format(dtype: torch.dtype) -> None:
    wide = PackedEncoder(locate_model(), packaged_shape(), dtype=dtype)
    cosines = np.einsum("ij,ij->i", wide.quantized().encode(PLAIN_TEXTS), wide.encode(PLAIN_TEXTS))
    assert cosines.min() >= 0.99


def test_queries_are_encoded_by_a_narrow_copy_where_the_processor_likes_it(
    encoder: PackedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weight_precision, "read_cpu_flags", lambda: {"avx512_vnni"})
    narrow = query_encoder(encoder)
    assert narrow is not encoder
    assert not np.array_equal(narrow.encode(["a query"]), encoder.encode(["a query"]))
    assert query_encoder(encoder, "cuda") is encoder
    monkeypatch.setattr(weight_precision, "read_cpu_flags", lambda: {"avx2"})
    assert query_encoder(encoder) is encoder


def test_vectors_are_normalised_float32(encoder: PackedEncoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), encoder.dimension) == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_batch_around_a_text_does_not_matter(encoder: PackedEncoder) -> None:
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(encoder.encode(TEXTS), alone, atol=1e-5)
    np.testing.assert_allclose(encoder.encode(TEXTS * 3)[-len(TEXTS) :], alone, atol=1e-5)


@pytest.mark.parametrize("token_budget", [1, 300, 1_000_000])
def test_token_budget_does_not_matter(encoder: PackedEncoder, token_budget: int) -> None:
    other = PackedEncoder(
        locate_model(), packaged_shape(), dtype=torch.float32, token_budget=token_budget
    )
    np.testing.assert_allclose(other.encode(TEXTS), encoder.encode(TEXTS), atol=1e-5)


def test_order_is_that_of_the_input(encoder: PackedEncoder) -> None:
    order = np.random.default_rng(7).permutation(len(TEXTS))
    shuffled = encoder.encode([TEXTS[i] for i in order])
    np.testing.assert_allclose(shuffled, encoder.encode(TEXTS)[order], atol=1e-5)


def test_equal_calls_give_equal_bits(encoder: PackedEncoder) -> None:
    np.testing.assert_array_equal(encoder.encode(TEXTS), encoder.encode(TEXTS))


def test_text_beyond_the_token_limit_is_cut(encoder: PackedEncoder) -> None:
    # 256 tokens are 254 words of one token each, and the two special tokens.
    kept, longer, shorter = encoder.encode([" ".join(["data"] * n) for n in (254, 5000, 253)])
    np.testing.assert_allclose(longer, kept, atol=1e-6)
    assert not np.allclose(shorter, kept, atol=1e-6)


def test_no_texts_give_no_rows(encoder: PackedEncoder) -> None:
    assert encoder.encode([]).shape == (0, 384)


def test_meaning_shows(encoder: PackedEncoder) -> None:
    query, near, far = encoder.encode(
        ["detect fraudulent payments", "credit card fraud model", "weather in Paris"]
    )
    assert query @ near > 0.5
    assert query @ far < 0.2


def test_lone_surrogate_is_named(encoder: PackedEncoder) -> None:
    with pytest.raises(InvalidFieldError, match="text 1 holds half a surrogate pair at position 2"):
        encoder.encode(["fine", "ab\ud800"])


def test_threads_are_set_for_the_process() -> None:
    before = torch.get_num_threads()
    try:
        load_encoder(threads=before + 1)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_unusable_device_is_one_clear_error() -> None:
    with pytest.raises(ModelUnavailableError, match="is unavailable"):
        load_encoder(device="abacus")


def test_absent_weight_is_named() -> None:
    shape = BertShape(layers=7, heads=12, hidden=384, layer_norm_epsilon=1e-12, token_limit=256)
    with pytest.raises(ModelUnavailableError, match=r"no weight 'encoder\.layer\.6\."):
        PackedEncoder(locate_model(), shape)


def test_broken_weights_are_one_clear_error(model_copy: Path) -> None:
    (model_copy / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ModelUnavailableError, match="my-model"):
        load_encoder(str(model_copy))


def test_broken_tokenizer_is_one_clear_error(model_copy: Path) -> None:
    (model_copy / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelUnavailableError, match=r"my-model.*tokenizer\.json"):
        load_encoder(str(model_copy))


LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=60).map(
    lambda lengths: np.sort(np.array(lengths, dtype=np.int64))
)


@given(LENGTHS, st.integers(1, 200))
@settings(deadline=None)
def test_token_batches_cover_all_within_the_budget(lengths: np.ndarray, budget: int) -> None:
    batches = list(token_batches(lengths, budget))
    assert [batches[0].start, batches[-1].stop] == [0, len(lengths)]
    for before, after in pairwise(batches):
        assert before.stop == after.start
        # A batch that could take the next text as well is not full.
        assert lengths[before].sum() + lengths[after.start] > budget
    for batch in batches:
        size = batch.stop - batch.start
        assert size == 1 or (size > 1 and lengths[batch].sum() <= budget)


@given(LENGTHS)
@settings(deadline=None)
def test_length_groups_lay_out_every_token(lengths: np.ndarray) -> None:
    groups = length_groups(lengths)
    laid_out = [group.length for group in groups for _ in range(group.texts)]
    assert laid_out == lengths.tolist()
    assert [group.start for group in groups] == [0, *(group.stop for group in groups[:-1])]
    assert groups[-1].stop == lengths.sum()
