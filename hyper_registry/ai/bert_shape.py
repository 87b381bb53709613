"""Whether a model is one that the packed encoder computes exactly, and its sizes if so."""

from dataclasses import dataclass
from typing import cast

from hyper_registry.ai.model_files import ModelFiles

_MODULE_TYPES = ["Transformer", "Pooling", "Normalize"]
_REQUIRED_FILES = ("config.json", "modules.json", "tokenizer.json", "model.safetensors")
_REQUIRED_CONFIG: dict[str, tuple[object, object]] = {
    # field of config.json: (value if absent, value that the packed encoder computes)
    "architectures": (None, ["BertModel"]),
    "model_type": (None, "bert"),
    "hidden_act": ("gelu", "gelu"),
    "position_embedding_type": ("absolute", "absolute"),
    "is_decoder": (False, False),
}


@dataclass(frozen=True, slots=True)
class BertShape:
    """Sizes of a BERT encoder with mean pooling and L2 normalisation.

    Attributes
    ----------
    layers, heads, hidden
        Number of blocks, of attention heads, and the width of a token's state.
    layer_norm_epsilon
        Added to variances.
    token_limit
        Longest input in tokens, special tokens included.
    """

    layers: int
    heads: int
    hidden: int
    layer_norm_epsilon: float
    token_limit: int


@dataclass(frozen=True, slots=True)
class UnsupportedModel:
    """The packed encoder would not compute this model as its authors meant it.

    Attributes
    ----------
    reason
        The first property that differs, for the log.
    """

    reason: str


def read_bert_shape(files: ModelFiles) -> BertShape | UnsupportedModel:
    """Read the sizes of a model, or why the packed encoder does not fit it.

    Only what was checked to be equal is accepted: anything unknown is unsupported.

    Raises
    ------
    ModelUnavailableError
        If a configuration file of the model is broken.
    """
    for file in _REQUIRED_FILES:
        if not (files.directory / file).is_file():
            return UnsupportedModel(f"it has no {file}")
    config = files.read_json("config.json") or {}
    for field, (default, required) in _REQUIRED_CONFIG.items():
        if (value := config.get(field, default)) != required:
            return UnsupportedModel(f"{field} is {value!r}, not {required!r}")
    reason = _sentence_reason(files)
    if reason is not None:
        return UnsupportedModel(reason)
    return _shape(config, files.read_json("sentence_bert_config.json") or {})


def _shape(
    config: dict[str, object], sentence_config: dict[str, object]
) -> BertShape | UnsupportedModel:
    sizes: list[int] = []
    for field in (
        "num_hidden_layers",
        "num_attention_heads",
        "hidden_size",
        "max_position_embeddings",
    ):
        size = config.get(field)
        if not isinstance(size, int) or size < 1:
            return UnsupportedModel(f"{field} is {size!r}")
        sizes.append(size)
    layers, heads, hidden, positions = sizes
    if hidden % heads:
        return UnsupportedModel(f"hidden_size {hidden} is no multiple of {heads} heads")
    epsilon = config.get("layer_norm_eps", 1e-12)
    if not isinstance(epsilon, float):
        return UnsupportedModel(f"layer_norm_eps is {epsilon!r}")
    limit = sentence_config.get("max_seq_length") or positions
    if not isinstance(limit, int) or limit < 2:
        return UnsupportedModel(f"max_seq_length is {limit!r}")
    return BertShape(layers, heads, hidden, epsilon, min(limit, positions))


def _sentence_reason(files: ModelFiles) -> str | None:
    """Return what around the transformer differs from mean pooling and normalisation, if any."""
    modules = files.read_json_list("modules.json") or []
    types = [str(module.get("type")).rpartition(".")[2] for module in modules]
    if types != _MODULE_TYPES:
        return f"its modules are {types}"
    if modules[0].get("path") not in ("", "."):
        return "its transformer lies in a directory of its own"
    modes = _pooling_modes(files.read_json(f"{modules[1].get('path')}/config.json") or {})
    if modes != {"mean"}:
        return f"it pools by {sorted(modes)}"
    if (files.read_json("sentence_bert_config.json") or {}).get("do_lower_case"):
        return "it lower-cases texts outside of its tokenizer"
    prompts = files.read_json("config_sentence_transformers.json") or {}
    if prompts.get("default_prompt_name"):
        return "it puts a prompt before each text"
    return None


def _pooling_modes(config: dict[str, object]) -> set[str]:
    # Newer versions of the library write one `pooling_mode`, older ones a flag for each mode.
    mode = config.get("pooling_mode")
    if isinstance(mode, str):
        return {mode}
    if isinstance(mode, list):
        return {str(item) for item in cast("list[object]", mode)}
    flags = {key.removeprefix("pooling_mode_") for key, value in config.items() if value is True}
    flags.discard("include_prompt")  # matters only with a prompt, and none is added
    return {flag.removesuffix("s").removesuffix("_token") for flag in flags}
