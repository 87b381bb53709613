"""Errors of the parts that the registry runs on."""

from typing_extensions import override

from hyper_registry.domain.errors.base import ExplainedError, RegistryError


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
