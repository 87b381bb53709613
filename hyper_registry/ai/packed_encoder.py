# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (tokenizers, safetensors and torch.from_numpy come with incomplete annotations)
"""BERT sentence encoder that never computes padding.

The usual way pads each batch to its longest text and masks the rest; on short texts of mixed
lengths most of the arithmetic is then spent on padding. Here the tokens of a batch stand in one
matrix without gaps. Linear layers, normalisation and activation treat each token by itself, so
they run over the whole matrix; attention, which does not, runs once for each group of texts of
equal length, which needs no mask. Sorting by length makes the groups large.
"""

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from hyper_registry.ai.bert_shape import BertShape
from hyper_registry.ai.encodable_text import require_encodable
from hyper_registry.ai.model_files import ModelFiles
from hyper_registry.ai.weight_precision import device_weight_dtype
from hyper_registry.domain.errors.service import ModelUnavailableError

CPU_TOKEN_BUDGET = 1024
"""Tokens in one forward pass on a CPU: more no longer helps, and falls out of its caches."""

ACCELERATOR_TOKEN_BUDGET = 65_536
"""Tokens in one forward pass elsewhere, where launching kernels is what costs."""


_INT8_LIMIT = 127
_SMALLEST_SCALE = 1e-8
"""Stands in for the largest number of a token whose states are all zero."""


@dataclass(frozen=True, slots=True)
class _Linear:
    # (inputs, outputs) in memory: as fast as the transpose that models store on whole batches,
    # and a fifth faster on a single query.
    weight: Tensor
    bias: Tensor

    def __call__(self, states: Tensor) -> Tensor:
        return torch.addmm(self.bias, states.to(self.weight.dtype), self.weight)

    def quantized(self) -> "_Int8Linear":
        weight = self.weight.float()
        scales = weight.abs().amax(dim=0) / _INT8_LIMIT
        return _Int8Linear(_to_int8(weight / scales), scales, self.bias.float())


@dataclass(frozen=True, slots=True)
class _Int8Linear:
    """A linear layer in whole numbers: one scale an output, and one a token at run time."""

    weight: Tensor
    scales: Tensor
    bias: Tensor

    def __call__(self, states: Tensor) -> Tensor:
        largest = states.abs().amax(dim=1, keepdim=True).clamp_(min=_SMALLEST_SCALE)
        token_scales = largest / _INT8_LIMIT
        products = torch._int_mm(_to_int8(states / token_scales), self.weight)  # noqa: SLF001  # pyright: ignore[reportPrivateImportUsage, reportPrivateUsage]  # torch's only product of int8 matrices
        return torch.addcmul(self.bias, products * token_scales, self.scales)


def _to_int8(scaled: Tensor) -> Tensor:
    return scaled.round_().to(torch.int8)


@dataclass(frozen=True, slots=True)
class _Norm:
    weight: Tensor
    bias: Tensor
    epsilon: float

    def __call__(self, states: Tensor) -> Tensor:
        shape = self.weight.shape
        return functional.layer_norm(states, shape, self.weight, self.bias, self.epsilon)


@dataclass(frozen=True, slots=True)
class _Block:
    query_key_value: _Linear | _Int8Linear
    attention_output: _Linear | _Int8Linear
    attention_norm: _Norm
    intermediate: _Linear | _Int8Linear
    output: _Linear | _Int8Linear
    output_norm: _Norm

    def quantized(self) -> "_Block":
        layers = {
            name: layer.quantized()
            for name in ("query_key_value", "attention_output", "intermediate", "output")
            if isinstance(layer := getattr(self, name), _Linear)
        }
        return replace(self, **layers)


@dataclass(frozen=True, slots=True)
class LengthGroup:
    """Texts of equal length that stand side by side in a packed batch.

    Attributes
    ----------
    start
        First row of the group in the token matrix.
    texts
        Number of texts.
    length
        Tokens of each text.
    """

    start: int
    texts: int
    length: int

    @property
    def stop(self) -> int:
        """Row after the group's last."""
        return self.start + self.texts * self.length


def length_groups(sorted_lengths: NDArray[np.int64]) -> list[LengthGroup]:
    """Group equal neighbours of ascending lengths.

    Examples
    --------
    >>> [(g.start, g.texts, g.length) for g in length_groups(np.array([2, 2, 5]))]
    [(0, 2, 2), (4, 1, 5)]
    """
    groups: list[LengthGroup] = []
    start = 0
    for length, texts in zip(*np.unique(sorted_lengths, return_counts=True), strict=True):
        groups.append(LengthGroup(start, int(texts), int(length)))
        start = groups[-1].stop
    return groups


def token_batches(sorted_lengths: NDArray[np.int64], token_budget: int) -> Iterator[slice]:
    """Cut ascending lengths into runs whose tokens fit the budget; each run has at least one.

    Takes O(runs log n).

    Examples
    --------
    >>> list(token_batches(np.array([2, 2, 5, 9]), 9))
    [slice(0, 3, None), slice(3, 4, None)]
    """
    ends = np.cumsum(sorted_lengths)
    start = 0
    while start < len(ends):
        used = int(ends[start - 1]) if start else 0
        stop = int(np.searchsorted(ends, used + token_budget, side="right"))
        stop = max(stop, start + 1)
        yield slice(start, stop)
        start = stop


class PackedEncoder:
    """A `TextEncoder` for BERT models with mean pooling, without padding.

    Weights of linear layers may be bfloat16, see `weight_precision`; the residual stream and all
    normalisation stay float32, which keeps the cosine to a float32 model above .9999.

    Parameters
    ----------
    files
        The model.
    shape
        Its sizes, from `bert_shape.read_bert_shape`.
    device
        A torch device, such as ``"cpu"`` or ``"cuda"``.
    threads
        CPU threads for torch; the setting holds for the whole process. None leaves it alone.
    dtype
        Format of the linear layers' weights; by default what the device multiplies fast.
    token_budget
        Tokens in one forward pass; by default what suits the device.

    Raises
    ------
    ModelUnavailableError
        If weights or tokenizer are missing or broken, or the device cannot be used.
    """

    def __init__(
        self,
        files: ModelFiles,
        shape: BertShape,
        *,
        device: str = "cpu",
        threads: int | None = None,
        dtype: torch.dtype | None = None,
        token_budget: int | None = None,
    ) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        self._files = files
        self._shape = shape
        self._tokenizer = _load_tokenizer(files, shape.token_limit)
        try:
            self._device = torch.device(device)
            weights = load_file(files.directory / "model.safetensors", device=device)
            self._dtype = dtype or device_weight_dtype(self._device)
            self._load_weights(weights)
        except (OSError, RuntimeError, AssertionError, SafetensorError) as error:
            # torch reports an unusable device by RuntimeError, or AssertionError without CUDA.
            raise ModelUnavailableError(files.name, str(error)) from error
        except KeyError as error:
            raise ModelUnavailableError(files.name, f"it has no weight {error}") from error
        on_cpu = self._device.type == "cpu"
        self._token_budget = token_budget or (
            CPU_TOKEN_BUDGET if on_cpu else ACCELERATOR_TOKEN_BUDGET
        )

    @property
    def model_id(self) -> str:
        """Name and content hash of the model."""
        return self._files.model_id

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        return self._shape.hidden

    def quantized(self) -> Self:
        """Return this model with its linear layers in int8; all else is shared with it.

        Half of a query's time, at a cosine of about .997 to float32: see `weight_precision`. The
        two may encode in different threads.
        """
        narrow = copy(self)
        narrow._blocks = [block.quantized() for block in self._blocks]  # noqa: SLF001 (its own kind)
        return narrow

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode `texts`, see `TextEncoder.encode`.

        All token ids are held at once (about 2 KB for a longest text), so callers with millions
        of texts pass them in batches of some thousands.

        Raises
        ------
        InvalidFieldError
            If one of the texts is not encodable Unicode.
        """
        require_encodable(texts)
        vectors = np.empty((len(texts), self.dimension), np.float32)
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        ids = [np.asarray(encoding.ids, dtype=np.int64) for encoding in encodings]
        lengths = np.fromiter((len(i) for i in ids), np.int64, len(ids))
        order = np.argsort(lengths, kind="stable")
        for batch in token_batches(lengths[order], self._token_budget):
            rows = order[batch]
            tokens = torch.from_numpy(np.concatenate([ids[row] for row in rows]))
            pooled = self._forward(tokens.to(self._device), length_groups(lengths[rows]))
            vectors[rows] = pooled.cpu().numpy()
        return vectors

    def _forward(self, tokens: Tensor, groups: list[LengthGroup]) -> Tensor:
        """Return ``(texts, hidden) float32`` normalised vectors of a packed batch."""
        states = functional.embedding(tokens, self._word_embeddings)
        for group in groups:
            by_text = states[group.start : group.stop].view(group.texts, group.length, -1)
            by_text += self._position_embeddings[: group.length]
        states = self._embedding_norm(states)
        for block in self._blocks:
            attended = self._attend(block.query_key_value(states), groups)
            states = block.attention_norm(states + block.attention_output(attended))
            activated = functional.gelu(block.intermediate(states))
            states = block.output_norm(states + block.output(activated))
        means = [
            states[group.start : group.stop].view(group.texts, group.length, -1).mean(dim=1)
            for group in groups
        ]
        return functional.normalize(torch.cat(means), dim=1)

    def _attend(self, query_key_value: Tensor, groups: list[LengthGroup]) -> Tensor:
        heads, width = self._shape.heads, self._shape.hidden // self._shape.heads
        attended = query_key_value.new_empty((len(query_key_value), self._shape.hidden))
        for group in groups:
            rows = slice(group.start, group.stop)
            by_head = query_key_value[rows].view(group.texts, group.length, 3, heads, width)
            query, key, value = by_head.permute(2, 0, 3, 1, 4)
            mixed = functional.scaled_dot_product_attention(query, key, value)
            by_text = attended[rows].view(group.texts, group.length, heads, width)
            by_text.copy_(mixed.transpose(1, 2))
        return attended

    def _load_weights(self, weights: dict[str, Tensor]) -> None:
        def linear(*names: str) -> _Linear:
            weight = torch.cat([weights[f"{name}.weight"] for name in names])
            bias = torch.cat([weights[f"{name}.bias"] for name in names])
            return _Linear(weight.t().contiguous().to(self._dtype), bias.to(self._dtype))

        def norm(name: str) -> _Norm:
            return _Norm(
                weights[f"{name}.weight"].float(),
                weights[f"{name}.bias"].float(),
                self._shape.layer_norm_epsilon,
            )

        # Every token of a single text has type 0, so its embedding is part of the position's.
        types = weights["embeddings.token_type_embeddings.weight"].float()
        positions = weights["embeddings.position_embeddings.weight"].float()
        self._position_embeddings = positions + types[0]
        self._word_embeddings = weights["embeddings.word_embeddings.weight"].float()
        self._embedding_norm = norm("embeddings.LayerNorm")
        self._blocks: list[_Block] = []
        for number in range(self._shape.layers):
            layer = f"encoder.layer.{number}"
            attention = f"{layer}.attention"
            self._blocks.append(
                _Block(
                    linear(*(f"{attention}.self.{part}" for part in ("query", "key", "value"))),
                    linear(f"{attention}.output.dense"),
                    norm(f"{attention}.output.LayerNorm"),
                    linear(f"{layer}.intermediate.dense"),
                    linear(f"{layer}.output.dense"),
                    norm(f"{layer}.output.LayerNorm"),
                )
            )


def _load_tokenizer(files: ModelFiles, token_limit: int) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(files.directory / "tokenizer.json"))
    # The binding raises the plain class for everything, a missing file and broken JSON alike.
    except Exception as error:
        raise ModelUnavailableError(files.name, f"tokenizer.json: {error}") from error
    # The packaged file asks for padding and for a shorter cut than the model was made for.
    tokenizer.no_padding()
    tokenizer.enable_truncation(token_limit)
    if not tokenizer.encode("").ids:
        # The mean over no tokens is not a vector.
        raise ModelUnavailableError(files.name, "its tokenizer adds no special tokens")
    return tokenizer
