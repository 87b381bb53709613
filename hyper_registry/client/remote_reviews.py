"""Reviews behind the HTTP API."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel
from typing_extensions import override

from hyper_registry.client.remote_parts import if_match, segment, written
from hyper_registry.client.review_backend import ReviewBackend
from hyper_registry.domain.namespace import Namespace, NamespaceContent
from hyper_registry.domain.review import DecisionDraft, Review, ReviewDraft, ReviewPage

M = TypeVar("M", bound=BaseModel)


class RemoteReviews(ReviewBackend, ABC):
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
    async def update_namespace(self, name: str, content: NamespaceContent) -> Namespace:
        body = content.model_dump_json(exclude_unset=True).encode()
        path = f"/namespaces/{segment(name)}"
        return self._read(Namespace, await self._ask("PATCH", path, body=body))

    @override
    async def propose(
        self, entry_id: str, draft: ReviewDraft, *, expected_version: int | None
    ) -> Review:
        answer = await self._ask(
            "POST",
            f"/entries/{segment(entry_id)}/reviews",
            body=written(draft),
            headers=if_match(expected_version),
        )
        return self._read(Review, answer)

    @override
    async def reviews_page(
        self, entry_id: str | None, after: UUID | None, limit: int, *, decidable: bool
    ) -> ReviewPage:
        asked: dict[str, Any] = {"limit": limit} | ({} if after is None else {"after": str(after)})
        path = "/reviews"
        if entry_id is not None:
            path = f"/entries/{segment(entry_id)}/reviews"
        elif decidable:
            asked["decidable"] = "true"
        return self._read(ReviewPage, await self._ask("GET", path, asked))

    @override
    async def review(self, review_id: UUID) -> Review:
        return self._read(Review, await self._ask("GET", f"/reviews/{review_id}"))

    @override
    async def decide(self, review_id: UUID, draft: DecisionDraft) -> Review:
        path = f"/reviews/{review_id}/decisions"
        return self._read(Review, await self._ask("POST", path, body=written(draft)))

    @override
    async def withdraw(self, review_id: UUID) -> Review:
        return self._read(Review, await self._ask("POST", f"/reviews/{review_id}/withdraw"))
