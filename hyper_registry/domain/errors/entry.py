"""Errors about entries."""

from collections.abc import Collection

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


class VersionNotFoundError(RegistryError):
    """The entry has no version of this number, or none at this time, that the caller may see."""

    code = "version_not_found"

    def __init__(self, entry_id: str, version: str) -> None:
        super().__init__(entry_id, version)
        self.entry_id = entry_id
        self.version = version

    @override
    def __str__(self) -> str:
        return f"entry {self.entry_id!r} has no version {self.version}"

    @property
    @override
    def remedy(self) -> str:
        return "List its versions."


class VersionConflictError(RegistryError):
    """The entry or relationship is not at a version that the caller expects.

    Attributes
    ----------
    expected
        The versions that would do; none if it was expected not to exist.
    """

    code = "version_conflict"

    def __init__(self, subject_id: str, expected: tuple[int, ...], current: int) -> None:
        super().__init__(subject_id, expected, current)
        self.subject_id = subject_id
        self.expected = expected
        self.current = current

    @override
    def __str__(self) -> str:
        wanted = " or ".join(map(str, self.expected)) or "absent"
        return f"{self.subject_id!r} is at version {self.current}, not {wanted}"

    @property
    @override
    def remedy(self) -> str:
        return "Read it again, apply the change to it and send the new ETag."


def check_version(subject_id: str, expected: Collection[int] | None, current: int) -> None:
    """Check the version that a writer holds against those it expects; None expects any.

    Raises
    ------
    VersionConflictError
        If it is none of them.
    """
    if expected is not None and current not in expected:
        raise VersionConflictError(subject_id, tuple(sorted(expected)), current)
