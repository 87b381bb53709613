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


class RelationshipNotFoundError(RegistryError):
    """No relationship of this id is visible to the caller."""

    code = "relationship_not_found"
    field = "relationship_id"

    def __init__(self, relationship_id: str) -> None:
        super().__init__(relationship_id)
        self.relationship_id = relationship_id

    @override
    def __str__(self) -> str:
        return f"no relationship {self.relationship_id!r}"

    @property
    @override
    def remedy(self) -> str:
        return "Check the id, or list the relationships of one of its entries."


class RelationshipEndsError(RegistryError):
    """A change would move a relationship to other ends or another type."""

    code = "relationship_ends"

    def __init__(self, field: str, current: str, asked: str) -> None:
        super().__init__(field, current, asked)
        self.field = field
        self.current = current
        self.asked = asked

    @override
    def __str__(self) -> str:
        return f"{self.field} is {self.current!r} and cannot become {self.asked!r}"

    @property
    @override
    def remedy(self) -> str:
        return "Delete the relationship and create the other one."
