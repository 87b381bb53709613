"""Typed reading of a manifest's JSON: every fault names the file, the key and what was found."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Any, Self

from index.errors import IndexFormatError


class ManifestFields:
    """One JSON object of a manifest.

    Parameters
    ----------
    path
        The manifest's file, for messages.
    values
        The object.
    """

    def __init__(self, path: Path, values: dict[str, Any]) -> None:
        self._path = path
        self._values = values

    @classmethod
    def read(cls, path: Path, *, format_version: int) -> Self:
        """Read a manifest's file and check its format version before anything else.

        Raises
        ------
        IndexFormatError
            The file is missing, unreadable, no JSON object, or of another format version.
        """
        try:
            values = json.loads(path.read_bytes())
        except FileNotFoundError as error:
            reason = "there is no manifest: the build did not finish, or this is no index"
            raise IndexFormatError(str(path), reason) from error
        except OSError as error:
            raise IndexFormatError(str(path), f"cannot be read: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise IndexFormatError(str(path), f"is not JSON: {error}") from error
        if not isinstance(values, dict):
            raise IndexFormatError(str(path), "is not a JSON object")
        fields = cls(path, values)
        found = fields.integer("format_version")
        if found != format_version:
            reason = f"format version is {found}, this code reads {format_version}: build it anew"
            raise IndexFormatError(str(path), reason)
        return fields

    def integer(self, key: str, *, minimum: int = 0) -> int:
        """Read a whole number of at least ``minimum``.

        Raises
        ------
        IndexFormatError
            It is missing or something else.
        """
        value = self._values.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
            raise self._fault(key, f"a whole number of at least {minimum}")
        return value

    def text(self, key: str) -> str:
        """Read a text that is not empty.

        Raises
        ------
        IndexFormatError
            It is missing or something else.
        """
        value = self._values.get(key)
        if not isinstance(value, str) or not value:
            raise self._fault(key, "a text")
        return value

    def time(self, key: str) -> datetime:
        """Read a point in time with time zone.

        Raises
        ------
        IndexFormatError
            It is missing or something else.
        """
        try:
            value = datetime.fromisoformat(self.text(key))
        except ValueError as error:
            raise self._fault(key, "an ISO 8601 time") from error
        if value.tzinfo is None:
            raise self._fault(key, "an ISO 8601 time with time zone")
        return value

    def number(self, key: str) -> float:
        """Read a number that is finite and not below 0.

        Raises
        ------
        IndexFormatError
            It is missing or something else.
        """
        value = self._values.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < inf:
            raise self._fault(key, "a number of at least 0")
        return float(value)

    def record(self, key: str) -> "ManifestFields | None":
        """Read an object, or None if the key is not there.

        Raises
        ------
        IndexFormatError
            It is something else.
        """
        if key not in self._values:
            return None
        value = self._values[key]
        if not isinstance(value, dict):
            raise self._fault(key, "an object")
        return ManifestFields(self._path, value)

    def named_records(
        self, key: str, *, exactly: Sequence[str] | None = None
    ) -> Iterator[tuple[str, "ManifestFields"]]:
        """Read an object of objects whose keys are names within the manifest's directory.

        Parameters
        ----------
        exactly
            The names that must be there, and no others.

        Raises
        ------
        IndexFormatError
            It is missing or something else, or a name would lead out of the directory.
        """
        value = self._values.get(key)
        if not isinstance(value, dict):
            raise self._fault(key, "an object")
        if exactly is not None and value.keys() != set(exactly):
            raise self._fault(key, f"an object of {', '.join(exactly)}")
        for name, record in value.items():
            if name in {"", ".", ".."} or "/" in name or "\0" in name:
                raise IndexFormatError(str(self._path), f"{key}: {name!r} is not a plain file name")
            if not isinstance(record, dict):
                raise self._fault(f"{key}.{name}", "an object")
            yield name, ManifestFields(self._path, record)

    def _fault(self, key: str, expected: str) -> IndexFormatError:
        found = self._values.get(key)
        return IndexFormatError(str(self._path), f"{key} is {found!r}, expected {expected}")
