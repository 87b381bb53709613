"""Duplicates inside this process."""

from abc import ABC, abstractmethod

from typing_extensions import override

from hyper_registry.client.duplicates_backend import DuplicatesBackend
from hyper_registry.domain.duplicate import (
    DuplicateCandidates,
    DuplicatePage,
    DuplicateRejection,
)
from hyper_registry.domain.principal import LOCAL_ADMIN
from hyper_registry.factory import Registry


class EmbeddedDuplicates(DuplicatesBackend, ABC):
    """Mixin of the embedded backend: calls the service as the operator of its own files."""

    @property
    @abstractmethod
    def _registry(self) -> Registry:
        """The opened services."""

    @override
    async def duplicates_of(
        self, entry_id: str, min_score: float, limit: int
    ) -> DuplicateCandidates:
        return await self._registry.duplicates.of_entry(
            LOCAL_ADMIN, entry_id, min_score=min_score, limit=limit
        )

    @override
    async def duplicates_page(
        self, after: str | None, min_score: float, limit: int
    ) -> DuplicatePage:
        return await self._registry.duplicates.page(
            LOCAL_ADMIN, after=after, min_score=min_score, entries=limit
        )

    @override
    async def reject_duplicate(self, entry_id: str, other_id: str) -> DuplicateRejection:
        return await self._registry.duplicates.reject(LOCAL_ADMIN, entry_id, other_id)
