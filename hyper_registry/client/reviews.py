"""The part of the public face about changes that need approval."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from hyper_registry.client.backend import Backend
from hyper_registry.client.checking import checked
from hyper_registry.domain.approval import ApprovalPolicy
from hyper_registry.domain.namespace import Namespace, NamespaceContent
from hyper_registry.domain.review import Decision, DecisionDraft, Review, ReviewDraft

_PAGE = 1_000


class ReviewMethods:
    """Mixin of the public face: policies of approval, and reviews; see ``docs/reviews.md``."""

    _backend: Backend

    async def set_approval(
        self, namespace: str, policy: Mapping[str, Any] | ApprovalPolicy | None
    ) -> Namespace:
        """Say in which statuses the entries of a namespace need the approval of its owners.

        Parameters
        ----------
        policy
            Fields of an `ApprovalPolicy`; None asks for no approval.

        Raises
        ------
        InvalidFieldError
            If a field is unknown or wrong.
        NamespaceNotFoundError, PermissionDeniedError
            If there is none of the name, or the caller does not own it.
        """
        content = checked(NamespaceContent, {"approval": policy})
        return await self._backend.update_namespace(namespace, content)

    async def propose_change(
        self,
        entry_id: str,
        patch: Mapping[str, Any],
        note: str = "",
        *,
        expected_version: int | None = None,
    ) -> Review:
        """Propose a merge patch of an entry to the owners of its namespace, after trying it.

        Raises
        ------
        EntryNotFoundError
            If there is none that the caller may see.
        VersionConflictError
            If the entry is not at `expected_version`.
        InvalidFieldError
            If the patch changes nothing, or nothing that needs approval; and as all that
            `update_entry` raises.
        """
        draft = checked(ReviewDraft, {"patch": dict(patch), "note": note})
        return await self._backend.propose(entry_id, draft, expected_version=expected_version)

    async def list_reviews(
        self, entry_id: str | None = None, *, decidable: bool = False
    ) -> list[Review]:
        """Read all reviews of an entry, or the open ones of all, in the order of proposal.

        Parameters
        ----------
        decidable
            Of the open ones, only those that the caller can decide about.

        Raises
        ------
        EntryNotFoundError
            If there is no such entry that the caller may see.
        """
        found: list[Review] = []
        after: UUID | None = None
        while True:
            page = await self._backend.reviews_page(entry_id, after, _PAGE, decidable=decidable)
            found += page.items
            after = page.next_after
            if after is None:
                return found

    async def get_review(self, review_id: UUID | str) -> Review:
        """Read a review.

        Raises
        ------
        ReviewNotFoundError
            If there is none that the caller may see.
        """
        return await self._backend.review(UUID(str(review_id)))

    async def decide_review(
        self, review_id: UUID | str, decision: Decision | str, note: str = ""
    ) -> Review:
        """Approve or reject a change; the last approval that is needed applies it at once.

        Parameters
        ----------
        decision
            ``approve`` or ``reject``.

        Raises
        ------
        PermissionDeniedError
            If the caller does not own the namespace, or proposed the change.
        ReviewNotFoundError, ReviewClosedError, ReviewOutdatedError, ReviewDecidedError
            If it is not there or was closed, its entry moved on, or the caller has decided.
        """
        draft = checked(DecisionDraft, {"decision": decision, "note": note})
        return await self._backend.decide(UUID(str(review_id)), draft)

    async def withdraw_review(self, review_id: UUID | str) -> Review:
        """Withdraw a change that the caller proposed.

        Raises
        ------
        PermissionDeniedError, ReviewNotFoundError, ReviewClosedError, ReviewOutdatedError
            As `decide_review`.
        """
        return await self._backend.withdraw(UUID(str(review_id)))
