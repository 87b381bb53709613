"""Where models are found, and when their identity changes."""

from pathlib import Path

import pytest

from hyper_registry.ai.model_files import locate_model
from hyper_registry.domain.errors.service import ModelUnavailableError


def test_packaged_model_has_a_stable_identity() -> None:
    files = locate_model()
    assert files.name == "packaged"
    assert (files.directory / "model.safetensors").is_file()
    name, _, content = files.model_id.partition("@")
    assert name == "packaged"
    assert len(content) == 12
    assert int(content, 16) >= 0
    assert locate_model("packaged") == files


def test_directory_gives_its_own_name_and_the_same_hash(model_copy: Path) -> None:
    files = locate_model(str(model_copy))
    assert files.model_id == "my-model@" + locate_model().model_id.partition("@")[2]


def test_one_changed_weight_byte_changes_the_identity(model_copy: Path) -> None:
    before = locate_model(str(model_copy)).model_id
    with (model_copy / "model.safetensors").open("r+b") as weights:
        weights.seek(40_000_000)
        byte = weights.read(1)
        weights.seek(40_000_000)
        weights.write(bytes([byte[0] ^ 1]))
    assert locate_model(str(model_copy)).model_id != before


def test_changed_token_limit_changes_the_identity(model_copy: Path) -> None:
    before = locate_model(str(model_copy)).model_id
    (model_copy / "sentence_bert_config.json").write_text('{"max_seq_length": 64}')
    assert locate_model(str(model_copy)).model_id != before


def test_changed_readme_keeps_the_identity(model_copy: Path) -> None:
    before = locate_model(str(model_copy)).model_id
    (model_copy / "README.md").write_text("other words")
    assert locate_model(str(model_copy)).model_id == before


def test_weights_in_the_older_format_count_when_there_are_no_others(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"one")
    before = locate_model(str(tmp_path)).model_id
    (tmp_path / "pytorch_model.bin").write_bytes(b"two")
    assert locate_model(str(tmp_path)).model_id != before


def test_missing_directory_is_one_clear_line(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    with pytest.raises(ModelUnavailableError) as raised:
        locate_model(str(missing))
    assert str(raised.value) == (
        f"model '{missing}' is unavailable: there is no directory {missing}"
    )
    assert "packaged" in raised.value.remedy


def test_directory_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailableError, match=r"neither config\.json nor modules\.json"):
        locate_model(str(tmp_path))


@pytest.mark.parametrize(
    ("content", "reason"),
    [("{", "config.json: "), ("[]", "config.json holds no JSON object"), ("\xff", "config.json: ")],
)
def test_broken_json_is_named(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "config.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(ModelUnavailableError, match=reason):
        locate_model(str(tmp_path)).read_json("config.json")


@pytest.mark.parametrize(
    ("content", "reason"), [("{}", "holds no JSON list"), ("[1]", "lists other than objects")]
)
def test_broken_json_list_is_named(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "modules.json").write_text(content)
    with pytest.raises(ModelUnavailableError, match=reason):
        locate_model(str(tmp_path)).read_json_list("modules.json")


def test_absent_file_reads_as_none(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"a": 1}')
    files = locate_model(str(tmp_path))
    assert files.read_json("config.json") == {"a": 1}
    assert files.read_json("modules.json") is None
    assert files.read_json_list("modules.json") is None
