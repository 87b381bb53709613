"""Duplicates behind the HTTP API."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel
from typing_extensions import override

from hyper_registry.client.duplicates_backend import DuplicatesBackend
from hyper_registry.client.remote_parts import segment
from hyper_registry.domain.duplicate import (
    DuplicateCandidates,
    DuplicatePage,
    DuplicateRejection,
)

M = TypeVar("M", bound=BaseModel)


class RemoteDuplicates(DuplicatesBackend, ABC):
    """Mixin of the remote backend, which sends the requests and reads the answers."""

    @abstractmethod
    async def _ask(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """Send a request and return the answer's body."""

    @abstractmethod
    def _read(self, model: type[M], answer: bytes) -> M:
        """Return what an answer says."""

    @override
    async def duplicates_of(
        self, entry_id: str, min_score: float, limit: int
    ) -> DuplicateCandidates:
        parameters = {"min_score": min_score, "limit": limit}
        answer = await self._ask("GET", f"/entries/{segment(entry_id)}/duplicates", parameters)
        return self._read(DuplicateCandidates, answer)

    @override
    async def duplicates_page(
        self, after: str | None, min_score: float, limit: int
    ) -> DuplicatePage:
        parameters: dict[str, Any] = {"min_score": min_score, "limit": limit}
        if after is not None:
            parameters["after"] = after
        return self._read(DuplicatePage, await self._ask("GET", "/duplicates", parameters))

    @override
    async def reject_duplicate(self, entry_id: str, other_id: str) -> DuplicateRejection:
        path = f"/entries/{segment(entry_id)}/duplicates/{segment(other_id)}/reject"
        return self._read(DuplicateRejection, await self._ask("POST", path))
