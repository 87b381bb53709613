"""Errors about relationships."""

from typing_extensions import override

from hyper_registry.domain.errors.base import RegistryError


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
