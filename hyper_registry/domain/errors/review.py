"""Errors about changes that need approval."""

from typing_extensions import override

from hyper_registry.domain.errors.base import RegistryError


class ApprovalRequiredError(RegistryError):
    """The namespace wants its owners to approve what is in this status."""

    code = "approval_required"
    field = "status"

    def __init__(self, namespace: str, status: str) -> None:
        super().__init__(namespace, status)
        self.namespace = namespace
        self.status = status

    @override
    def __str__(self) -> str:
        return (
            f"what is {self.status} in the namespace {self.namespace!r} needs the approval of its "
            "owners"
        )

    @property
    @override
    def remedy(self) -> str:
        return (
            "Propose the change for review with POST /v1/registry/entries/{entry_id}/reviews; "
            "register a new entry, or one that was deleted, as a draft first."
        )


class ReviewNotFoundError(RegistryError):
    """No review of this id, of an entry that the caller may see."""

    code = "review_not_found"

    def __init__(self, review_id: str) -> None:
        super().__init__(review_id)
        self.review_id = review_id

    @override
    def __str__(self) -> str:
        return f"no review {self.review_id}"

    @property
    @override
    def remedy(self) -> str:
        return "List the open reviews with GET /v1/registry/reviews."


class ReviewClosedError(RegistryError):
    """A review was closed already."""

    code = "review_closed"

    def __init__(self, review_id: str, state: str) -> None:
        super().__init__(review_id, state)
        self.review_id = review_id
        self.state = state

    @override
    def __str__(self) -> str:
        return f"review {self.review_id} is {self.state}"

    @property
    @override
    def remedy(self) -> str:
        return "Propose the change again if it is still wanted."


class ReviewOutdatedError(RegistryError):
    """The entry of a review moved on since the change was proposed."""

    code = "review_outdated"

    def __init__(self, review_id: str, version: int) -> None:
        super().__init__(review_id, version)
        self.review_id = review_id
        self.version = version

    @override
    def __str__(self) -> str:
        return f"review {self.review_id} is outdated: its entry is not at version {self.version}"

    @property
    @override
    def remedy(self) -> str:
        return "Read the entry as it is now, and propose the change again."


class ReviewDecidedError(RegistryError):
    """Nobody decides twice about a review."""

    code = "review_decided"

    def __init__(self, review_id: str, name: str) -> None:
        super().__init__(review_id, name)
        self.review_id = review_id
        self.name = name

    @override
    def __str__(self) -> str:
        return f"{self.name!r} has decided about review {self.review_id}"

    @property
    @override
    def remedy(self) -> str:
        return "Wait for the other owners, or ask one to reject it."
