"""Which models the packed encoder accepts."""

import json
from pathlib import Path

import pytest

from hyper_registry.ai.bert_shape import BertShape, UnsupportedModel, read_bert_shape
from hyper_registry.ai.model_files import locate_model

CONFIG: dict[str, object] = {
    "architectures": ["BertModel"],
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": 8,
    "num_attention_heads": 2,
    "num_hidden_layers": 3,
    "max_position_embeddings": 32,
    "layer_norm_eps": 1e-12,
}
MODULES = [
    {"path": "", "type": "sentence_transformers.models.Transformer"},
    {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
]
MEAN = {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}


def shape_of(
    directory: Path,
    *,
    config: dict[str, object] | None = None,
    modules: list[dict[str, str]] | None = None,
    pooling: dict[str, object] | None = None,
    sentence: dict[str, object] | None = None,
    prompts: dict[str, object] | None = None,
) -> BertShape | UnsupportedModel:
    contents = {
        "config.json": CONFIG | (config or {}),
        "modules.json": MODULES if modules is None else modules,
        "1_Pooling/config.json": MEAN if pooling is None else pooling,
        "sentence_bert_config.json": sentence or {"max_seq_length": 16},
        "config_sentence_transformers.json": prompts or {},
        "tokenizer.json": {},
        "model.safetensors": {},
    }
    for path, content in contents.items():
        (directory / path).parent.mkdir(exist_ok=True)
        (directory / path).write_text(json.dumps(content))
    return read_bert_shape(locate_model(str(directory)))


def test_packaged_model_is_accepted() -> None:
    assert read_bert_shape(locate_model()) == BertShape(
        layers=6, heads=12, hidden=384, layer_norm_epsilon=1e-12, token_limit=256
    )


def test_sizes_come_from_the_configuration(tmp_path: Path) -> None:
    assert shape_of(tmp_path) == BertShape(3, 2, 8, 1e-12, 16)


def test_newer_pooling_configuration_is_read_too(tmp_path: Path) -> None:
    pooling: dict[str, object] = {"pooling_mode": "mean", "include_prompt": True}
    assert isinstance(shape_of(tmp_path, pooling=pooling), BertShape)


@pytest.mark.parametrize(("limit", "expected"), [(None, 32), (64, 32), (16, 16)])
def test_token_limit_is_within_the_positions(
    tmp_path: Path, limit: int | None, expected: int
) -> None:
    shape = shape_of(tmp_path, sentence={"max_seq_length": limit})
    assert isinstance(shape, BertShape)
    assert shape.token_limit == expected


@pytest.mark.parametrize(
    "change",
    [
        {"architectures": ["RobertaModel"]},
        {"architectures": None},
        {"model_type": "mpnet"},
        {"hidden_act": "relu"},
        {"position_embedding_type": "relative_key"},
        {"is_decoder": True},
        {"num_attention_heads": 3},
        {"num_hidden_layers": 0},
        {"hidden_size": "8"},
        {"layer_norm_eps": None},
    ],
)
def test_other_architectures_are_unsupported(tmp_path: Path, change: dict[str, object]) -> None:
    result = shape_of(tmp_path, config=change)
    assert isinstance(result, UnsupportedModel)
    assert next(iter(change)) in result.reason or "hidden_size" in result.reason


@pytest.mark.parametrize(
    "pooling",
    [
        {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False},
        {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True},
        {"pooling_mode": "cls"},
        {"pooling_mode": ["mean", "max"]},
        {"pooling_mode_mean_sqrt_len_tokens": True},
        {},
    ],
)
def test_other_pooling_is_unsupported(tmp_path: Path, pooling: dict[str, object]) -> None:
    result = shape_of(tmp_path, pooling=pooling)
    assert isinstance(result, UnsupportedModel)
    assert "pools" in result.reason


def test_other_modules_are_unsupported(tmp_path: Path) -> None:
    dense = {"path": "2_Dense", "type": "sentence_transformers.models.Dense"}
    result = shape_of(tmp_path, modules=[*MODULES[:2], dense, MODULES[2]])
    assert result == UnsupportedModel(
        "its modules are ['Transformer', 'Pooling', 'Dense', 'Normalize']"
    )
    assert isinstance(shape_of(tmp_path, modules=MODULES[:2]), UnsupportedModel)


def test_transformer_in_its_own_directory_is_unsupported(tmp_path: Path) -> None:
    moved = MODULES[0] | {"path": "0_Transformer"}
    assert isinstance(shape_of(tmp_path, modules=[moved, *MODULES[1:]]), UnsupportedModel)


def test_what_the_library_does_to_texts_is_unsupported(tmp_path: Path) -> None:
    assert isinstance(shape_of(tmp_path, sentence={"do_lower_case": True}), UnsupportedModel)
    result = shape_of(tmp_path, prompts={"default_prompt_name": "query"})
    assert isinstance(result, UnsupportedModel)


@pytest.mark.parametrize("file", ["modules.json", "tokenizer.json", "model.safetensors"])
def test_absent_files_are_unsupported(tmp_path: Path, file: str) -> None:
    shape_of(tmp_path)
    (tmp_path / file).unlink()
    assert read_bert_shape(locate_model(str(tmp_path))) == UnsupportedModel(f"it has no {file}")


def test_senseless_token_limit_is_unsupported(tmp_path: Path) -> None:
    result = shape_of(tmp_path, sentence={"max_seq_length": "many"})
    assert result == UnsupportedModel("max_seq_length is 'many'")
