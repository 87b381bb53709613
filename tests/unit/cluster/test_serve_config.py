import copy
from typing import Any

import pytest

from cluster.serve_config import (
    ServeApplication,
    check_serve_config,
    config_digest,
    empty_serve_config,
    serve_config,
)
from hyper_registry.domain.errors.service import SettingsError

# Ray's schema uses an argument that this pydantic calls deprecated, once, at its import.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Using extra keyword arguments on `Field`:pydantic.warnings.PydanticDeprecatedSince20"
)

APPLICATION = ServeApplication(
    "serve_app.app:build",
    args={"profile": "local", "anything": {"deep": [1]}},
    environment={"HYPER_REGISTRY_HOME": "/srv"},
    deployments=(
        {
            "name": "Api",
            "num_replicas": "auto",
            "autoscaling_config": {"min_replicas": 1, "max_replicas": 4},
            "ray_actor_options": {"num_cpus": 0.5, "runtime_env": {"env_vars": {"A": "1"}}},
            "user_config": {"free": True},
        },
    ),
)


def config() -> dict[str, Any]:
    return copy.deepcopy(serve_config(APPLICATION, host="127.0.0.1", port=8000))


def test_the_built_configuration_passes() -> None:
    check_serve_config(config())
    check_serve_config(empty_serve_config(host="127.0.0.1", port=8000))


def test_the_built_configuration_says_what_was_asked_for() -> None:
    built = config()
    assert built["http_options"] == {"host": "127.0.0.1", "port": 8000}
    application = built["applications"][0]
    assert application["name"] == "hyper-registry"
    assert application["route_prefix"] == "/"
    assert application["import_path"] == "serve_app.app:build"
    assert application["runtime_env"] == {"env_vars": {"HYPER_REGISTRY_HOME": "/srv"}}
    assert application["args"] == {"profile": "local", "anything": {"deep": [1]}}


@pytest.mark.parametrize(
    ("place", "key"),
    [
        ((), "aplications"),
        (("http_options",), "http_options.prot"),
        (("logging_config",), "logging_config.levle"),
        (("applications", 0), "applications[0].rout_prefix"),
        (("applications", 0, "runtime_env"), "applications[0].runtime_env.env_var"),
        (("applications", 0, "deployments", 0), "applications[0].deployments[0].num_replica"),
        (
            ("applications", 0, "deployments", 0, "autoscaling_config"),
            "applications[0].deployments[0].autoscaling_config.max_replica",
        ),
        (
            ("applications", 0, "deployments", 0, "ray_actor_options"),
            "applications[0].deployments[0].ray_actor_options.num_cpu",
        ),
        (
            ("applications", 0, "deployments", 0, "ray_actor_options", "runtime_env"),
            "applications[0].deployments[0].ray_actor_options.runtime_env.pipp",
        ),
    ],
)
def test_a_misspelt_key_is_named_at_every_level(place: tuple[str | int, ...], key: str) -> None:
    bad = config()
    target: Any = bad
    for step in place:
        target = target[step]
    target[key.rpartition(".")[2]] = 1
    with pytest.raises(SettingsError) as caught:
        check_serve_config(bad)
    assert str(caught.value) == f"settings in the Serve configuration: unknown key {key!r}"


def test_a_wrong_value_is_named() -> None:
    bad = config()
    bad["applications"][0]["deployments"][0]["max_ongoing_requests"] = "many"
    with pytest.raises(SettingsError, match=r"applications\.0\.deployments\.0\.max_ongoing"):
        check_serve_config(bad)


def test_a_missing_import_path_is_named() -> None:
    bad = config()
    del bad["applications"][0]["import_path"]
    with pytest.raises(SettingsError, match=r"applications\.0\.import_path: Field required"):
        check_serve_config(bad)


def test_a_digest_follows_every_change_and_no_order() -> None:
    built = config()
    turned = dict(reversed(built.items()))
    assert config_digest(turned) == config_digest(built)
    turned["applications"][0]["args"]["profile"] = "cluster"
    assert config_digest(turned) != config_digest(config())
