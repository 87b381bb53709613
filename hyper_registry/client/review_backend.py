"""What the public face asks of a registry about reviews, wherever that runs."""

from typing import Protocol
from uuid import UUID

from hyper_registry.domain.namespace import Namespace, NamespaceContent
from hyper_registry.domain.review import DecisionDraft, Review, ReviewDraft, ReviewPage


class ReviewBackend(Protocol):
    """Reviews in this process or behind HTTP; both raise the same errors."""

    async def update_namespace(self, name: str, content: NamespaceContent) -> Namespace:
        """Change what is given of a namespace, see `NamespaceService.update`."""
        ...

    async def propose(
        self, entry_id: str, draft: ReviewDraft, *, expected_version: int | None
    ) -> Review:
        """Propose a change, see `ReviewService.propose`."""
        ...

    async def reviews_page(
        self, entry_id: str | None, after: UUID | None, limit: int, *, decidable: bool
    ) -> ReviewPage:
        """Read reviews, see `ReviewService.list_of_entry` and `ReviewService.list_open`."""
        ...

    async def review(self, review_id: UUID) -> Review:
        """Read a review, see `ReviewService.get`."""
        ...

    async def decide(self, review_id: UUID, draft: DecisionDraft) -> Review:
        """Decide about a change, see `ReviewService.decide`."""
        ...

    async def withdraw(self, review_id: UUID) -> Review:
        """Withdraw a change, see `ReviewService.withdraw`."""
        ...
