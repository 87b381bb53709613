import pytest
from pydantic import ValidationError

from serve_app.app import ApplicationArguments


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"api": {"min_replicas": 3, "max_replicas": 2}}, "min_replicas=3 is above max_replicas=2"),
        ({"api": {"max_replica": 2}}, "api.max_replica"),
        ({"embedder": {"gpus": -1}}, "embedder.gpus"),
        ({"model_timeout_s": 0}, "model_timeout_s"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict, named: str):
    with pytest.raises(ValidationError) as caught:
        ApplicationArguments.model_validate(arguments)
    assert named in str(caught.value)


def test_arguments_become_options_of_the_deployment():
    arguments = ApplicationArguments.model_validate(
        {"embedder": {"gpus": 0.5, "cpus": 2, "min_replicas": 2, "max_replicas": 8}}
    )
    options = arguments.embedder.options()
    assert options["ray_actor_options"] == {"num_cpus": 2, "num_gpus": 0.5}
    assert options["autoscaling_config"]["min_replicas"] == 2
    assert options["autoscaling_config"]["max_replicas"] == 8
