"""What the public face asks of a registry about duplicates, wherever that runs."""

from typing import Protocol

from hyper_registry.domain.duplicate import (
    DuplicateCandidates,
    DuplicatePage,
    DuplicateRejection,
)


class DuplicatesBackend(Protocol):
    """Duplicates in this process or behind HTTP; both raise the same errors."""

    async def duplicates_of(
        self, entry_id: str, min_score: float, limit: int
    ) -> DuplicateCandidates:
        """Propose duplicates of an entry, see `DuplicateService.of_entry`."""
        ...

    async def duplicates_page(
        self, after: str | None, min_score: float, limit: int
    ) -> DuplicatePage:
        """Read pairs, see `DuplicateService.page`."""
        ...

    async def reject_duplicate(self, entry_id: str, other_id: str) -> DuplicateRejection:
        """Note that two entries are two things, see `DuplicateService.reject`."""
        ...
