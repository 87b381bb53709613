"""The declarative configuration of Serve: built from an application, and checked strictly.

Ray's own schema accepts unknown keys and ignores them, so a misspelt option would silently have no
effect. Here every key must be one that the schema knows.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from hyper_registry.domain.errors.service import SettingsError

WHERE = "the Serve configuration"


@dataclass(frozen=True, slots=True)
class ServeApplication:
    """An application for Serve to run.

    Parameters
    ----------
    import_path
        ``package.module:name`` of the bound deployment, or of a function that makes it from
        ``args``.
    args
        Arguments of that function, JSON values.
    environment
        Environment variables of the replicas.
    deployments
        Options of single deployments by their ``name``, as in Ray's ``DeploymentSchema``.
    name
        Name of the application.
    route_prefix
        Path under which it answers.
    """

    import_path: str
    args: Mapping[str, Any] = field(default_factory=dict[str, Any])
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    deployments: tuple[Mapping[str, Any], ...] = ()
    name: str = "hyper-registry"
    route_prefix: str = "/"


def serve_config(application: ServeApplication, *, host: str, port: int) -> dict[str, Any]:
    """Build the declarative configuration that runs one application, as `serve deploy` reads it.

    Parameters
    ----------
    application
        What to run.
    host, port
        Where the API listens. An explicit host keeps HAProxy's front end and the replicas' own
        HTTP servers on that interface.
    """
    return {
        **empty_serve_config(host=host, port=port),
        "applications": [
            {
                "name": application.name,
                "route_prefix": application.route_prefix,
                "import_path": application.import_path,
                "runtime_env": {"env_vars": dict(application.environment)},
                "args": dict(application.args),
                "deployments": [dict(deployment) for deployment in application.deployments],
            }
        ],
    }


def empty_serve_config(*, host: str, port: int) -> dict[str, Any]:
    """Build the same configuration without any application."""
    return {
        "proxy_location": "HeadOnly",
        "http_options": {"host": host, "port": port},
        "logging_config": {"enable_access_log": False},
        "applications": [],
    }


def config_digest(config: Mapping[str, Any]) -> str:
    """Digest a configuration, to see later whether another one is to be deployed."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()


def check_serve_config(config: Mapping[str, Any]) -> None:
    """Check a declarative configuration with Ray's schema, and for keys that it does not know.

    Raises
    ------
    SettingsError
        Naming the first unknown key or invalid value.
    """
    # Costs seconds, so only those who check pay for it.
    from ray.serve.schema import ServeDeploySchema  # noqa: PLC0415

    for path in _unknown_keys(config, ServeDeploySchema, ""):
        raise SettingsError(WHERE, f"unknown key {path!r}")
    try:
        ServeDeploySchema.model_validate(config)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = ".".join(str(part) for part in first["loc"]) or "its top level"
        raise SettingsError(WHERE, f"{path}: {first['msg']}") from error
    except ValueError as error:  # Ray's validators of nested objects raise it bare
        raise SettingsError(WHERE, str(error)) from error


def _unknown_keys(value: Any, model: type[BaseModel], path: str) -> Iterator[str]:
    """Yield the path of each key in ``value`` that is no field of ``model``, recursively."""
    if isinstance(value, list):
        for position, item in enumerate(value):
            yield from _unknown_keys(item, model, f"{path}[{position}]")
    if not isinstance(value, Mapping):
        return
    fields = {info.alias or name: info for name, info in model.model_fields.items()}
    for key, item in value.items():
        here = f"{path}.{key}" if path else str(key)
        if key not in fields:
            yield here
        elif key == "runtime_env":
            yield from _unknown_runtime_env_keys(item, here)
        else:
            for nested in _models_of(fields[key].annotation):
                yield from _unknown_keys(item, nested, here)


def _unknown_runtime_env_keys(value: Any, path: str) -> Iterator[str]:
    from ray.runtime_env import RuntimeEnv  # noqa: PLC0415 - see check_serve_config

    if isinstance(value, Mapping):
        yield from (f"{path}.{key}" for key in value if key not in RuntimeEnv.known_fields)


def _models_of(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models inside a type such as ``Optional[List[Model]]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_of(argument)
