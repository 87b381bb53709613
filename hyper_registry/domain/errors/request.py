"""Errors about how requests are sent: repeated, too many, too slow."""

from typing_extensions import override

from hyper_registry.domain.errors.base import RegistryError


class IdempotencyKeyReusedError(RegistryError):
    """An idempotency key was sent again with another body."""

    code = "idempotency_key_reused"
    field = "Idempotency-Key"

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    @override
    def __str__(self) -> str:
        return f"the Idempotency-Key {self.key!r} was sent before with another body"

    @property
    @override
    def remedy(self) -> str:
        return "Send another key for another request."


class RequestInProgressError(RegistryError):
    """The same request is being carried out right now."""

    code = "request_in_progress"
    field = "Idempotency-Key"
    retry_after_s = 1.0

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    @override
    def __str__(self) -> str:
        return f"the request with the Idempotency-Key {self.key!r} is being carried out"

    @property
    @override
    def remedy(self) -> str:
        return "Send it again after the time in Retry-After."


class UnkeptAnswerError(RegistryError):
    """A request was carried out before, and its answer is not known any more."""

    code = "answer_not_kept"
    field = "Idempotency-Key"

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    @override
    def __str__(self) -> str:
        return (
            f"the request with the Idempotency-Key {self.key!r} was carried out before and is not "
            "repeated; its answer was not kept"
        )

    @property
    @override
    def remedy(self) -> str:
        return "Read what it has written; the audit log tells it."


class RequestTakenOverError(RegistryError):
    """A request took so long that a repetition of it has taken over; nothing was written."""

    code = "request_taken_over"

    @override
    def __str__(self) -> str:
        return "the request took longer than its lease and a repetition has taken it over"

    @property
    @override
    def remedy(self) -> str:
        return "Send it again with the same Idempotency-Key to learn the answer."


class RateLimitedError(RegistryError):
    """The caller has made more requests than its limit allows."""

    code = "rate_limited"

    def __init__(self, kind: str, limit: int, retry_after_s: float) -> None:
        super().__init__(kind, limit, retry_after_s)
        self.kind = kind
        self.limit = limit
        self.retry_after_s = retry_after_s

    @override
    def __str__(self) -> str:
        return f"more than {self.limit} requests of the class {self.kind!r} within a minute"

    @property
    @override
    def remedy(self) -> str:
        return f"Send it again in {self.retry_after_s:.1f} s, and fewer at a time."


class DeadlineExceededError(RegistryError):
    """The request took too long and was cancelled."""

    code = "deadline_exceeded"
    retry_after_s = 5.0

    def __init__(self, limit_s: float) -> None:
        super().__init__(limit_s)
        self.limit_s = limit_s

    @override
    def __str__(self) -> str:
        return f"the request was not answered within {self.limit_s:g} s and was cancelled"

    @property
    @override
    def remedy(self) -> str:
        return "Ask for less at a time, or try again later; send writes with an Idempotency-Key."


class SlowBodyError(RegistryError):
    """The request's body did not arrive in time."""

    code = "body_too_slow"

    def __init__(self, limit_s: float) -> None:
        super().__init__(limit_s)
        self.limit_s = limit_s

    @override
    def __str__(self) -> str:
        return f"the body did not arrive within {self.limit_s:g} s"

    @property
    @override
    def remedy(self) -> str:
        return "Send smaller parts; files go to /v1/registry/bulk/import, which reads as they come."
