from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.ray_yaml import check_cluster_config, main
from hyper_registry.domain.errors.service import SettingsError

SHIPPED = Path(__file__).parents[3] / "ray-cluster.yaml"


@pytest.fixture
def config() -> dict[str, Any]:
    return yaml.safe_load(SHIPPED.read_text())


def fault_of(config: Any, directory: Path) -> str:
    path = directory / "cluster.yaml"
    path.write_text(config if isinstance(config, str) else yaml.safe_dump(config))
    with pytest.raises(SettingsError) as caught:
        check_cluster_config(path)
    assert caught.value.where == str(path)
    assert "\n" not in str(caught.value)
    return caught.value.reason


def test_the_shipped_file_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(SHIPPED)]) == 0
    assert capsys.readouterr().err == ""


def test_the_shipped_head_does_no_work_and_groups_scale() -> None:
    prepared = check_cluster_config(SHIPPED)
    groups = prepared["available_node_types"]
    assert groups[prepared["head_node_type"]]["resources"] == {"CPU": 0}
    assert groups["cpu-worker"]["resources"]["CPU"] > 0
    assert groups["gpu-worker"]["resources"]["GPU"] > 0
    for name in ("cpu-worker", "gpu-worker"):
        assert groups[name]["min_workers"] < groups[name]["max_workers"]
    assert prepared["idle_timeout_minutes"] > 0
    assert prepared["upscaling_speed"] > 0


def test_every_shipped_node_demands_the_token_and_installs_the_lock() -> None:
    prepared = check_cluster_config(SHIPPED)
    for kind in ("head", "worker"):
        setup = "\n".join(prepared[f"{kind}_setup_commands"])
        assert setup.index("grep '^torch=='") < setup.index("-r requirements.lock")
        assert "RAY_AUTH_MODE=token" in setup
        assert "RAY_SERVE_ENABLE_HA_PROXY=1" in setup
        start = prepared[f"{kind}_start_ray_commands"][-1]
        assert "ulimit -n 65536; . ~/ray-environment.sh; ray start" in start
    assert "--num-cpus=0" in prepared["head_start_ray_commands"][-1]
    assert "--dashboard-host=127.0.0.1" in prepared["head_start_ray_commands"][-1]


@pytest.mark.parametrize(
    ("place", "key"),
    [
        ((), "idle_timeout_minute"),
        (("provider",), "provider.regoin"),
        (("auth",), "auth.ssh_usr"),
        (("docker",), "docker.imgae"),
        (("available_node_types", "cpu-worker"), "available_node_types.cpu-worker.min_worker"),
        (
            ("available_node_types", "gpu-worker", "docker"),
            "available_node_types.gpu-worker.docker.worker_imgae",
        ),
    ],
)
def test_a_misspelt_key_is_named_at_every_level(
    config: dict[str, Any], tmp_path: Path, place: tuple[str, ...], key: str
) -> None:
    target = config
    for step in place:
        target = target[step]
    target[key.rpartition(".")[2]] = 1
    assert fault_of(config, tmp_path) == f"unknown key {key!r}"


def test_free_maps_take_any_key(config: dict[str, Any], tmp_path: Path) -> None:
    config["available_node_types"]["another-group"] = {
        "resources": {"CPU": 1, "own-resource": 3},
        "labels": {"own-label": "x"},
        "node_config": {"InstanceType": "t3.small", "Anything": {"Deep": 1}},
    }
    path = tmp_path / "cluster.yaml"
    path.write_text(yaml.safe_dump(config))
    assert "another-group" in check_cluster_config(path)["available_node_types"]


@pytest.mark.parametrize(
    "key", ["cluster_name", "provider", "available_node_types", "head_node_type"]
)
def test_a_missing_part_is_named(config: dict[str, Any], tmp_path: Path, key: str) -> None:
    del config[key]
    assert fault_of(config, tmp_path) == f"missing key {key!r}"


def test_a_missing_head_group_fails(config: dict[str, Any], tmp_path: Path) -> None:
    del config["available_node_types"]["head"]
    assert "head_node_type" in fault_of(config, tmp_path)


def test_a_wrong_value_is_named_with_its_place(config: dict[str, Any], tmp_path: Path) -> None:
    config["available_node_types"]["cpu-worker"]["resources"]["CPU"] = "eight"
    fault = fault_of(config, tmp_path)
    assert fault == (
        "available_node_types.cpu-worker.resources.CPU: 'eight' is not of type 'integer'"
    )


def test_more_least_workers_than_most_fail(config: dict[str, Any], tmp_path: Path) -> None:
    config["max_workers"] = 0
    assert "max_workers" in fault_of(config, tmp_path)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("- a\n", "must be a map of settings"),
        ("", "must be a map of settings"),
        ("a: [\n", "expected the node content"),
        ("a: 1\nb: 2\na: 3\n", "key 'a' appears twice"),
    ],
)
def test_what_is_no_settings_file_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    assert fault in fault_of(text, tmp_path)


def test_the_command_says_one_line_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "none.yaml"
    assert main([str(missing)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert str(missing) in error
