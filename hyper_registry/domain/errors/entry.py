"""Errors about entries."""

from typing_extensions import override

from hyper_registry.domain.errors.base import RegistryError


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
