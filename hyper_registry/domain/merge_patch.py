"""Merge patches after RFC 7386: a document that names what changes and leaves out what stays."""

from collections.abc import Mapping

from pydantic import JsonValue


def merge_patch(target: JsonValue, patch: JsonValue) -> JsonValue:
    """Return `target` with `patch` applied; neither is changed.

    Members of objects are merged, null removes one, anything else replaces. Its depth is that of
    the patch.

    Examples
    --------
    >>> merge_patch({"a": 1, "b": {"c": 2, "d": 3}}, {"a": None, "b": {"c": [4]}})
    {'b': {'c': [4], 'd': 3}}
    >>> merge_patch(["x"], {"a": {"b": None}})
    {'a': {}}
    """
    if not isinstance(patch, Mapping):
        return patch
    merged: dict[str, JsonValue] = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged
