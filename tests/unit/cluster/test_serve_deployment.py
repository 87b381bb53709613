import pytest

from cluster.serve_deployment import ApplicationState, application_states, failure_message

# Ray's schema uses an argument that this pydantic calls deprecated, once, at its import.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Using extra keyword arguments on `Field`:pydantic.warnings.PydanticDeprecatedSince20"
)


def test_states_are_read_by_name() -> None:
    details = {"applications": {"a": {"status": "RUNNING"}, "b": {"status": "DEPLOY_FAILED"}}}
    assert application_states(details) == {
        "a": ApplicationState.RUNNING,
        "b": ApplicationState.DEPLOY_FAILED,
    }


def test_every_state_of_ray_is_known() -> None:
    from ray.serve.schema import ApplicationStatus

    assert {state.value for state in ApplicationStatus} == set(ApplicationState)


@pytest.mark.parametrize(
    ("application", "message"),
    [
        ({}, "Serve gave no reason"),
        ({"message": " it broke \n"}, "it broke"),
        (
            {
                "message": "deployment failed",
                "deployments": {
                    "Good": {"status": "HEALTHY", "message": "fine"},
                    "Bad": {"status": "DEPLOY_FAILED", "message": "ValueError: no model"},
                    "Same": {"status": "UNHEALTHY", "message": "ValueError: no model"},
                },
            },
            "deployment failed\nValueError: no model",
        ),
    ],
)
def test_a_failure_is_told_once_with_its_causes(
    application: dict[str, object], message: str
) -> None:
    assert failure_message(application) == message


def test_of_a_long_failure_the_end_is_told() -> None:
    message = failure_message({"message": "x" * 5000 + "the cause"})
    assert len(message) == 2000
    assert message.endswith("the cause")


def test_of_a_traceback_only_its_end_is_told() -> None:
    traceback = """Deploying failed: Traceback (most recent call last):
  File "worker.py", line 10, in get
    raise ValueError(text)
RuntimeError: Traceback (most recent call last):
  File "api.py", line 386, in build
    args = model_validate(args)
pydantic_core._pydantic_core.ValidationError: 1 validation error for ApplicationArguments
max_replicas
  Extra inputs are not permitted"""
    assert failure_message({"message": traceback}) == (
        "pydantic_core._pydantic_core.ValidationError: 1 validation error for "
        "ApplicationArguments\nmax_replicas\n  Extra inputs are not permitted"
    )
