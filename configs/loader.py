"""Settings from a base file, a profile file and the environment, later ones first in rank."""

import os
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, cast

import yaml
from pydantic import ValidationError

from configs.settings import Settings

PREFIX = "HYPER_REGISTRY_"
_NOT_SETTINGS = frozenset({f"{PREFIX}EVAL_DATA", f"{PREFIX}PROFILE"})
_SHORTHANDS = {"DATABASE_URL": ("database", "url"), "HOME": ("home",)}


class SettingsFileError(ValueError):
    """A settings file or variable is invalid; the message names it and the fault."""


def load_settings(
    profile: str | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Merge ``base.yaml``, ``<profile>.yaml`` and ``HYPER_REGISTRY_*`` variables.

    A variable names its setting by section and field: ``HYPER_REGISTRY_SEARCH__CANDIDATES``.

    Parameters
    ----------
    profile
        Name of the profile file; None for ``HYPER_REGISTRY_PROFILE``, or else ``local``.
    environment
        Variables; None for those of this process.

    Raises
    ------
    SettingsFileError
        If the profile is unknown, or a setting is unknown or invalid.
    """
    variables = os.environ if environment is None else environment
    profile = profile or variables.get(f"{PREFIX}PROFILE", "local")
    merged = _merge(_read("base"), _read(profile))
    merged = _merge(merged, _from_environment(variables))
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
        )
        msg = f"profile {profile!r} with {PREFIX}* variables: {faults}"
        raise SettingsFileError(msg) from error


def _read(name: str) -> dict[str, Any]:
    path = files("configs") / f"{name}.yaml"
    if not name.isidentifier() or not path.is_file():
        known = sorted(
            item.name.removesuffix(".yaml")
            for item in files("configs").iterdir()
            if item.name.endswith(".yaml") and item.name != "base.yaml"
        )
        msg = f"no profile {name!r}; use one of: {', '.join(known)}"
        raise SettingsFileError(msg)
    return cast("dict[str, Any]", yaml.safe_load(path.read_text()) or {})


def _from_environment(variables: Mapping[str, str]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for name, value in variables.items():
        if not name.startswith(PREFIX) or name in _NOT_SETTINGS:
            continue
        rest = name.removeprefix(PREFIX)
        path = _SHORTHANDS.get(rest) or tuple(rest.lower().split("__"))
        node = settings
        for key in path[:-1]:
            node = node.setdefault(key, {})
        node[path[-1]] = value
    return settings


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merge(merged[key], cast("dict[str, Any]", value))
        else:
            merged[key] = value
    return merged
