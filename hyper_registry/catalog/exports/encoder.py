"""What every export format offers: bytes from pages of entries, and the end of the file."""

from collections.abc import Sequence
from typing import Protocol

from hyper_registry.storage.export_store import ExportedEntry


class ExportEncoder(Protocol):
    """Writes one file; used for one export, page by page in order."""

    def page(self, entries: Sequence[ExportedEntry]) -> bytes:
        """Return the bytes that the next entries add to the file."""
        ...

    def end(self) -> bytes:
        """Return the bytes that end the file, also one without entries."""
        ...
