"""Errors in what a caller sends."""

from typing_extensions import override

from hyper_registry.domain.errors.base import ExplainedError, FieldFaultError, RegistryError


class InvalidFieldError(FieldFaultError):
    """One field of the input has a value that cannot be stored."""

    code = "invalid_field"


class UnknownCategoryError(RegistryError):
    """The category is neither built in nor registered in this deployment."""

    code = "unknown_category"
    field = "category"

    def __init__(self, category: str, known: tuple[str, ...]) -> None:
        super().__init__(category, known)
        self.category = category
        self.known = known

    @override
    def __str__(self) -> str:
        return f"unknown category {self.category!r}"

    @property
    @override
    def remedy(self) -> str:
        return f"Use one of: {', '.join(self.known)}."


class InvalidQueryError(FieldFaultError):
    """A search or listing parameter cannot be understood."""

    code = "invalid_query"


class BulkRejectedError(RegistryError):
    """An atomic bulk request had bad rows, so nothing was written."""

    code = "bulk_rejected"

    def __init__(self, rejected: tuple[tuple[int, str, str], ...]) -> None:
        super().__init__(rejected)
        self.rejected = rejected

    @override
    def __str__(self) -> str:
        first = "; ".join(f"row {row}: {message}" for row, _, message in self.rejected[:3])
        return f"{len(self.rejected)} rows are invalid and nothing was written ({first})"

    @property
    @override
    def remedy(self) -> str:
        return "Mend the rows listed in 'rejected', or send atomic=false to register the others."


class RepeatedRowError(RegistryError):
    """An earlier row of the same request is about the same entry."""

    code = "repeated_row"
    field = "entry_id"

    def __init__(self, entry_id: str) -> None:
        super().__init__(entry_id)
        self.entry_id = entry_id

    @override
    def __str__(self) -> str:
        return f"an earlier row is about the entry {self.entry_id!r} too"

    @property
    @override
    def remedy(self) -> str:
        return "Keep one of the two rows, or send the other in another request."


class RequestTooLargeError(RegistryError):
    """The request body or one of its collections exceeds a limit."""

    code = "request_too_large"

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(what, limit)
        self.what = what
        self.limit = limit

    @override
    def __str__(self) -> str:
        return f"{self.what} is above the limit of {self.limit}"

    @property
    @override
    def remedy(self) -> str:
        return "Send it in smaller parts, or raise the limit in the settings."


class SourceUnavailableError(ExplainedError):
    """A catalogue source (a file, dpkg, apt …) cannot be read."""

    code = "source_unavailable"
    template = "source {subject}: {reason}"
