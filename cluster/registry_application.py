"""The registry as an application for Serve, and the environment that it shares with its jobs."""

from collections.abc import Mapping
from pathlib import Path

from cluster.serve_config import ServeApplication

IMPORT_PATH = "serve_app.app:build"
PREFIX = "HYPER_REGISTRY_"


def registry_environment(home: Path | None, inherited: Mapping[str, str]) -> dict[str, str]:
    """Give the settings of this process as variables for replicas and jobs.

    Parameters
    ----------
    home
        The state directory; named absolutely, because replicas and jobs run elsewhere. None for
        another machine, which has its own.
    inherited
        Environment of this process, of which the registry's own variables are taken.
    """
    variable = f"{PREFIX}HOME"
    own = {name: value for name, value in inherited.items() if name.startswith(PREFIX)}
    own.pop(variable, None)
    return own if home is None else own | {variable: str(home.expanduser().absolute())}


def registry_application(
    home: Path, inherited: Mapping[str, str], *, profile: str, max_replicas: int
) -> ServeApplication:
    """Describe the registry for Serve to run.

    Parameters
    ----------
    home, inherited
        See `registry_environment`.
    profile
        Settings profile of the replicas.
    max_replicas
        API replicas that autoscaling may start.
    """
    return ServeApplication(
        IMPORT_PATH,
        {"profile": profile, "api": {"max_replicas": max_replicas}},
        registry_environment(home, inherited),
    )
