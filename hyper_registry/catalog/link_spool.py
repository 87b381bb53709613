"""Links that wait until the entries of their source are written."""

from collections.abc import Generator, Iterable
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Self

import orjson

from hyper_registry.catalog.sources.source import Link
from hyper_registry.domain.identifiers import EntryId
from hyper_registry.domain.relationship import RelationshipDraft

# A link takes a kilobyte as objects and a tenth of that here; larger sources go on to a file.
_MEMORY_BYTES = 64 * 1024 * 1024


class LinkSpool:
    """Keeps links in little memory, whatever their number, in the order they came in.

    A link may lead to an entry that comes later in its source, so none can be written before the
    last entry is. Use it as a context manager: it may hold a temporary file.
    """

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile[bytes](_MEMORY_BYTES)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, source_id: EntryId, links: Iterable[Link]) -> None:
        """Append the links that start at an entry."""
        for link in links:
            draft = {"source_id": source_id, **dict(link)}
            self._file.write(orjson.dumps(draft, option=orjson.OPT_APPEND_NEWLINE))
            self._count += 1

    def drafts(self) -> Generator[RelationshipDraft]:
        """Yield all links from the first on; add none after that."""
        self._file.seek(0)
        for line in self._file:
            yield RelationshipDraft.model_validate_json(line)
