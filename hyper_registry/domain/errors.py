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
    """

    code: ClassVar[str] = "registry_error"
    field: str | None = None

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


class EntryNotFoundError(RegistryError):
    """No entry of this id is visible to the caller."""

    code = "entry_not_found"
    field = "entry_id"

    def __init__(self, entry_id: str) -> None:
        super().__init__(entry_id)
        self.entry_id = entry_id

    @override
    def __str__(self) -> str:
        return f"no entry {self.entry_id!r}"

    @property
    @override
    def remedy(self) -> str:
        return "Check the id, or search for the entry by its title."


class EntryExistsError(RegistryError):
    """An entry of this id is registered already."""

    code = "entry_exists"
    field = "entry_id"

    def __init__(self, entry_id: str) -> None:
        super().__init__(entry_id)
        self.entry_id = entry_id

    @override
    def __str__(self) -> str:
        return f"an entry {self.entry_id!r} exists already"

    @property
    @override
    def remedy(self) -> str:
        return "Choose another entry_id, or update the existing entry with PUT."


class VersionConflictError(RegistryError):
    """The entry changed since the caller read the version it wants to replace."""

    code = "version_conflict"

    def __init__(self, entry_id: str, expected: int, current: int) -> None:
        super().__init__(entry_id, expected, current)
        self.entry_id = entry_id
        self.expected = expected
        self.current = current

    @override
    def __str__(self) -> str:
        return f"entry {self.entry_id!r} is at version {self.current}, not {self.expected}"

    @property
    @override
    def remedy(self) -> str:
        return "Read the entry again, apply the change to it and send the new ETag."


class SelfRelationshipError(RegistryError):
    """An entry cannot relate to itself."""

    code = "self_relationship"
    field = "target_id"

    def __init__(self, entry_id: str) -> None:
        super().__init__(entry_id)
        self.entry_id = entry_id

    @override
    def __str__(self) -> str:
        return f"entry {self.entry_id!r} cannot relate to itself"

    @property
    @override
    def remedy(self) -> str:
        return "Name two different entries."


class DanglingRelationshipError(RegistryError):
    """A relationship names an entry that does not exist."""

    code = "dangling_relationship"

    def __init__(self, field: str, entry_id: str) -> None:
        super().__init__(field, entry_id)
        self.field = field
        self.entry_id = entry_id

    @override
    def __str__(self) -> str:
        return f"{self.field} names no entry: {self.entry_id!r}"

    @property
    @override
    def remedy(self) -> str:
        return "Register the entry first, then relate it."


class RelationshipExistsError(RegistryError):
    """The same source, target and type are related already."""

    code = "relationship_exists"

    def __init__(self, source_id: str, target_id: str, rel_type: str) -> None:
        super().__init__(source_id, target_id, rel_type)
        self.source_id = source_id
        self.target_id = target_id
        self.rel_type = rel_type

    @override
    def __str__(self) -> str:
        return f"{self.source_id!r} is already related to {self.target_id!r} by {self.rel_type!r}"

    @property
    @override
    def remedy(self) -> str:
        return "Use another rel_type, or leave the existing relationship as it is."


class UnauthenticatedError(RegistryError):
    """The request carries no valid API key."""

    code = "unauthenticated"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)

    @property
    @override
    def remedy(self) -> str:
        return "Send 'Authorization: Bearer KEY'; create a key with 'hyper-registry keys create'."


class PermissionDeniedError(RegistryError):
    """The caller's role does not allow the operation."""

    code = "permission_denied"

    def __init__(self, principal: str, role: str, action: str) -> None:
        super().__init__(principal, role, action)
        self.principal = principal
        self.role = role
        self.action = action

    @override
    def __str__(self) -> str:
        return f"{self.principal!r} with role {self.role!r} may not {self.action}"

    @property
    @override
    def remedy(self) -> str:
        return "Use a key whose role allows it, or ask an administrator for one."


class KeyNotFoundError(RegistryError):
    """No API key of this id exists."""

    code = "key_not_found"

    def __init__(self, key_id: str) -> None:
        super().__init__(key_id)
        self.key_id = key_id

    @override
    def __str__(self) -> str:
        return f"no API key {self.key_id!r}"

    @property
    @override
    def remedy(self) -> str:
        return "List the keys with 'hyper-registry keys list'."


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


class DatabaseUnavailableError(RegistryError):
    """Postgres cannot be reached or refuses the connection."""

    code = "database_unavailable"

    def __init__(self, target: str, reason: str) -> None:
        super().__init__(target, reason)
        self.target = target
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"Postgres at {self.target} is unavailable: {self.reason}"

    @property
    @override
    def remedy(self) -> str:
        return "Check HYPER_REGISTRY_DATABASE_URL and that the server runs and accepts connections."


class EmbeddedPostgresError(ExplainedError):
    """The embedded Postgres could not be created, started or stopped."""

    code = "embedded_postgres_failed"
    template = "embedded Postgres failed to {subject}: {reason}"


class MigrationError(ExplainedError):
    """The database schema cannot be brought to the version this code needs."""

    code = "migration_failed"
    template = "migration {subject}: {reason}"


class ModelUnavailableError(RegistryError):
    """An embedding or classification model cannot be loaded or reached."""

    code = "model_unavailable"

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(model, reason)
        self.model = model
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"model {self.model!r} is unavailable: {self.reason}"

    @property
    @override
    def remedy(self) -> str:
        return (
            "Try again in a moment; if it persists, set 'embedding.model' to 'packaged' or to a "
            "model directory on this machine."
        )


class IndexVersionUnavailableError(ExplainedError):
    """A version of the index cannot be activated or returned to."""

    code = "index_version_unavailable"
    template = "index version {subject}: {reason}"


class SourceUnavailableError(ExplainedError):
    """A catalogue source (a file, dpkg, apt …) cannot be read."""

    code = "source_unavailable"
    template = "source {subject}: {reason}"


class ClusterError(ExplainedError):
    """The local Ray instance cannot be started, reached or stopped."""

    code = "cluster_failed"
    template = "failed to {subject}: {reason}"


class SettingsError(RegistryError):
    """A settings file or environment variable is invalid."""

    code = "settings_invalid"

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(where, reason)
        self.where = where
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"settings in {self.where}: {self.reason}"

    @property
    @override
    def remedy(self) -> str:
        return "Correct the named setting; configs/settings.py lists them all."


class JobNotFoundError(RegistryError):
    """No job of this id exists."""

    code = "job_not_found"

    def __init__(self, job_id: str) -> None:
        super().__init__(job_id)
        self.job_id = job_id

    @override
    def __str__(self) -> str:
        return f"no job {self.job_id!r}"

    @property
    @override
    def remedy(self) -> str:
        return "List the jobs with 'hyper-registry job list'."


class JobNotRunnableError(RegistryError):
    """A driver may not take up, or go on with, a job."""

    code = "job_not_runnable"

    def __init__(self, job_id: str, reason: str) -> None:
        super().__init__(job_id, reason)
        self.job_id = job_id
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"job {self.job_id!r} {self.reason}"

    @property
    @override
    def remedy(self) -> str:
        return "See 'hyper-registry job list'; submit a new job of its kind if work is left."


class NotStartedError(RegistryError):
    """The registry's public face was used before `start` or after `close`."""

    code = "not_started"

    @override
    def __str__(self) -> str:
        return "the registry is not open"

    @property
    @override
    def remedy(self) -> str:
        return "Call 'await registry.start()' first, or use 'async with'."


class ServerUnavailableError(ExplainedError):
    """A remote registry cannot be reached, or what answers is none."""

    code = "server_unavailable"
    template = "the registry at {subject} is unavailable: {reason}"
