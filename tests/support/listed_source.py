"""A source whose rows a test gives."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hyper_registry.catalog.sources.source import BadRow, Link, SourceItem
from hyper_registry.domain.errors.input import SourceUnavailableError
from tests.support.services import draft


@dataclass(frozen=True)
class ListedSource:
    """Yields its rows; fails after them if it is `broken`."""

    rows: Sequence[SourceItem | BadRow]
    broken: bool = False
    name: str = "list"

    def read(self) -> Iterator[SourceItem | BadRow]:
        yield from self.rows
        if self.broken:
            raise SourceUnavailableError(self.name, "the disk was pulled", "Put it back.")

    def estimate(self) -> int | None:
        return len(self.rows)


def item(row: int, *links: Mapping[str, object], **fields: object) -> SourceItem:
    """An item with `fields` in place of a draft's defaults."""
    return SourceItem(row, draft(**fields), tuple(Link.model_validate(link) for link in links))
