"""One way to open every catalogue source by its name."""

from enum import StrEnum
from pathlib import Path
from typing import assert_never

from hyper_registry.catalog.sources.apt import AptSource
from hyper_registry.catalog.sources.csv_file import CsvSource
from hyper_registry.catalog.sources.dpkg import DpkgSource
from hyper_registry.catalog.sources.jsonl import JsonLinesSource
from hyper_registry.catalog.sources.parquet import ParquetSource
from hyper_registry.catalog.sources.python_env import PythonEnvironmentSource
from hyper_registry.catalog.sources.source import Source
from hyper_registry.domain.errors.input import SourceUnavailableError


class SourceKind(StrEnum):
    """The kinds of outside data that can be imported."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    PYTHON_ENV = "python-env"
    DPKG = "dpkg"
    APT = "apt"

    @property
    def reads_file(self) -> bool:
        """Whether the kind reads a file that the caller names."""
        return self in {SourceKind.JSONL, SourceKind.CSV, SourceKind.PARQUET}


def open_source(kind: SourceKind, path: Path | None = None) -> Source:
    """Return the source of a kind; nothing is read yet.

    Parameters
    ----------
    kind
        What to read.
    path
        The file, for the kinds that read one; None for the others.

    Raises
    ------
    SourceUnavailableError
        If a file is needed and not named, or the other way round.
    """
    if path is None:
        return _open_machine(kind)
    match kind:
        case SourceKind.JSONL:
            return JsonLinesSource(path)
        case SourceKind.CSV:
            return CsvSource(path)
        case SourceKind.PARQUET:
            return ParquetSource(path)
        case SourceKind.PYTHON_ENV | SourceKind.DPKG | SourceKind.APT:
            raise SourceUnavailableError(
                kind, f"reads this machine, not the file {path}", "Leave the file out."
            )
        case _:
            assert_never(kind)


def _open_machine(kind: SourceKind) -> Source:
    match kind:
        case SourceKind.PYTHON_ENV:
            return PythonEnvironmentSource()
        case SourceKind.DPKG:
            return DpkgSource()
        case SourceKind.APT:
            return AptSource()
        case SourceKind.JSONL | SourceKind.CSV | SourceKind.PARQUET:
            raise SourceUnavailableError(kind, "reads a file, and none is named", "Name the file.")
        case _:
            assert_never(kind)
