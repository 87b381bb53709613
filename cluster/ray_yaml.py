"""Checking a cluster file for ``ray up`` before it costs money.

Ray's validator lets unknown keys pass in several places, fills a missing head group with an
unrelated default, and YAML itself lets a second key silently replace the first. Each of these is an
error here. Run as ``python -m cluster.ray_yaml FILE``; nothing is contacted.
"""

import argparse
import copy
import json
import re
import sys
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from jsonschema import ValidationError

from hyper_registry.domain.errors.service import SettingsError

# Ray fills these from defaults of its own when they are missing: other machines than intended.
REQUIRED_KEYS = ("cluster_name", "provider", "available_node_types", "head_node_type")


def check_cluster_config(path: Path) -> dict[str, Any]:
    """Check a cluster file, strictly and then with Ray's own validator.

    Parameters
    ----------
    path
        The YAML file.

    Returns
    -------
    dict
        The configuration as Ray completes it.

    Raises
    ------
    SettingsError
        Naming the first key or value at fault.
    """
    where = str(path)
    try:
        config = yaml.load(path.read_text(), Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(where, f"cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise SettingsError(where, " ".join(str(error).split())) from error
    if not isinstance(config, dict):
        raise SettingsError(where, "must be a map of settings")
    for key in REQUIRED_KEYS:
        if key not in config:
            raise SettingsError(where, f"missing key {key!r}")
    for unknown in unknown_keys(config, _cluster_schema()):
        raise SettingsError(where, f"unknown key {unknown!r}")
    return _validated_by_ray(config, where)


def unknown_keys(value: Any, schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield the path of every key that a JSON schema does not name.

    Unlike a validator this does so even where the schema allows additional properties. An object
    for which the schema names no properties at all is free by design, such as ``node_config``.

    Parameters
    ----------
    value
        The document.
    schema
        JSON schema (draft 7) with ``properties``, ``patternProperties``, ``items`` and local
        ``$ref``.

    Examples
    --------
    >>> schema = {"properties": {"speed": {}, "free": {"type": "object"}}}
    >>> list(unknown_keys({"sped": 1, "free": {"anything": 2}}, schema))
    ['sped']
    """
    return _unknown_below(value, schema, schema, "")


def main(arguments: list[str] | None = None) -> int:
    """Check the file named on the command line; one line says what is wrong with it.

    Returns
    -------
    int
        Exit status: 0 if the file is right, 1 if not.
    """
    parser = argparse.ArgumentParser(
        prog="python -m cluster.ray_yaml", description="Check a cluster file for 'ray up'."
    )
    parser.add_argument("file", type=Path)
    file: Path = parser.parse_args(arguments).file
    try:
        check_cluster_config(file)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


class _StrictLoader(yaml.SafeLoader):
    """YAML's safe loader, which also refuses to read a key twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = str(key_node.value)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} appears twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def _cluster_schema() -> dict[str, Any]:
    return json.loads(files("ray.autoscaler").joinpath("ray-schema.json").read_text())


def _unknown_below(
    value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], path: str
) -> Iterator[str]:
    if "$ref" in schema:
        target: Mapping[str, Any] = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = target
    if isinstance(value, list):
        for position, item in enumerate(value):
            yield from _unknown_below(item, schema.get("items", {}), root, f"{path}[{position}]")
        return
    named = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    if not isinstance(value, dict) or not (named or patterns):
        return
    for key, item in value.items():
        here = f"{path}.{key}" if path else str(key)
        matching = [inner for pattern, inner in patterns.items() if re.search(pattern, str(key))]
        if key in named:
            matching = [named[key]]
        if not matching:
            yield here
        for inner in matching:
            yield from _unknown_below(item, inner, root, here)


def _validated_by_ray(config: dict[str, Any], where: str) -> dict[str, Any]:
    # Importing Ray's autoscaler takes seconds; a file that is wrong already need not wait for it.
    from ray.autoscaler._private.util import prepare_config, validate_config  # noqa: PLC0415

    try:
        prepared = prepare_config(copy.deepcopy(config))
        validate_config(prepared)
    except ValidationError as error:
        path = ".".join(str(part) for part in error.absolute_path)
        raise SettingsError(where, f"{path}: {error.message}" if path else error.message) from error
    # Its checks end in whatever a wrong value happens to raise.
    except (ValueError, AssertionError, NotImplementedError, TypeError, KeyError) as error:
        raise SettingsError(where, str(error) or type(error).__name__) from error
    if config["head_node_type"] not in config["available_node_types"]:
        raise SettingsError(where, f"no head group {config['head_node_type']!r}")
    return prepared


if __name__ == "__main__":
    sys.exit(main())
