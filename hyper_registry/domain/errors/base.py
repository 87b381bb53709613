"""Every error a caller can meet, each with a stable code, the value that failed and the remedy.

Errors cross process borders inside Ray, so a subclass passes its raw fields positionally to
``super().__init__`` and formats its message in ``__str__``: pickling rebuilds it from ``args``.
"""

from typing import ClassVar

from typing_extensions import override


class RegistryError(Exception):
    """Base of all errors that the registry raises on purpose.

    Attributes
    ----------
    code
        Stable machine-readable name, part of the API.
    field
        Name of the input field at fault, when there is one.
    retry_after_s
        When the same request may succeed, where that is known.
    """

    code: ClassVar[str] = "registry_error"
    field: str | None = None
    retry_after_s: float | None = None

    @override
    def __str__(self) -> str:
        return " ".join(str(part) for part in self.args)

    @property
    def remedy(self) -> str:
        """What the caller can do about it."""
        return "Read the detail; if it persists, see the server's log."


class ExplainedError(RegistryError):
    """Base of errors whose reason and remedy are known only where they happen.

    Attributes
    ----------
    subject
        What failed: a field, a step, a source …
    reason
        Why.
    """

    template: ClassVar[str] = "{subject}: {reason}"

    def __init__(self, subject: str, reason: str, remedy: str) -> None:
        super().__init__(subject, reason, remedy)
        self.subject = subject
        self.reason = reason
        self._remedy = remedy

    @override
    def __str__(self) -> str:
        return self.template.format(subject=self.subject, reason=self.reason)

    @property
    @override
    def remedy(self) -> str:
        return self._remedy


class FieldFaultError(ExplainedError):
    """Base of errors whose subject is a field of the input."""

    def __init__(self, field: str, reason: str, remedy: str) -> None:
        super().__init__(field, reason, remedy)
        self.field = field
