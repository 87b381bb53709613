"""Reviews inside this process."""

from abc import ABC, abstractmethod
from uuid import UUID

from typing_extensions import override

from hyper_registry.client.review_backend import ReviewBackend
from hyper_registry.domain.namespace import Namespace, NamespaceContent
from hyper_registry.domain.principal import LOCAL_ADMIN
from hyper_registry.domain.review import DecisionDraft, Review, ReviewDraft, ReviewPage
from hyper_registry.registry import Registry


class EmbeddedReviews(ReviewBackend, ABC):
    """Mixin of the embedded backend: calls the service as the operator of its own files."""

    @property
    @abstractmethod
    def _registry(self) -> Registry:
        """The opened services."""

    @override
    async def update_namespace(self, name: str, content: NamespaceContent) -> Namespace:
        return await self._registry.namespaces.update(LOCAL_ADMIN, name, content)

    @override
    async def propose(
        self, entry_id: str, draft: ReviewDraft, *, expected_version: int | None
    ) -> Review:
        expected = None if expected_version is None else frozenset({expected_version})
        return await self._registry.reviews.propose(
            LOCAL_ADMIN, entry_id, draft, expected_versions=expected
        )

    @override
    async def reviews_page(
        self, entry_id: str | None, after: UUID | None, limit: int, *, decidable: bool
    ) -> ReviewPage:
        reviews = self._registry.reviews
        if entry_id is None:
            return await reviews.list_open(
                LOCAL_ADMIN, decidable=decidable, after=after, limit=limit
            )
        return await reviews.list_of_entry(LOCAL_ADMIN, entry_id, after=after, limit=limit)

    @override
    async def review(self, review_id: UUID) -> Review:
        return await self._registry.reviews.get(LOCAL_ADMIN, review_id)

    @override
    async def decide(self, review_id: UUID, draft: DecisionDraft) -> Review:
        return await self._registry.reviews.decide(LOCAL_ADMIN, review_id, draft)

    @override
    async def withdraw(self, review_id: UUID) -> Review:
        return await self._registry.reviews.withdraw(LOCAL_ADMIN, review_id)
