"""Errors about types: categories, their schemas, relationship types and the life of entries."""

from typing_extensions import override

from hyper_registry.domain.errors.base import FieldFaultError, RegistryError


class InvalidSchemaError(RegistryError):
    """A schema document cannot be used."""

    code = "invalid_schema"
    field = "schema"

    def __init__(self, pointer: str, reason: str) -> None:
        super().__init__(pointer, reason)
        self.pointer = pointer
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"schema at {self.pointer!r}: {self.reason}"

    @property
    @override
    def remedy(self) -> str:
        return "Send a JSON Schema of draft 2020-12 that stands by itself."


class SchemaIncompatibleError(RegistryError):
    """A new version of a schema breaks the compatibility that was declared for it."""

    code = "schema_incompatible"
    field = "schema"

    def __init__(self, subject: str, mode: str, breaks: tuple[tuple[str, str], ...]) -> None:
        super().__init__(subject, mode, breaks)
        self.subject = subject
        self.mode = mode
        self.breaks = breaks

    @override
    def __str__(self) -> str:
        first = "; ".join(f"{pointer or '/'}: {reason}" for pointer, reason in self.breaks[:5])
        return f"the schema of {self.subject} is not {self.mode} compatible: {first}"

    @property
    @override
    def remedy(self) -> str:
        return "Mend the places named in 'errors', or set another compatibility mode first."


class MetadataInvalidError(RegistryError):
    """Metadata does not fit the schema of its category."""

    code = "metadata_invalid"
    field = "metadata"

    def __init__(self, category: str, version: int, faults: tuple[tuple[str, str], ...]) -> None:
        super().__init__(category, version, faults)
        self.category = category
        self.version = version
        self.faults = faults

    @override
    def __str__(self) -> str:
        first = "; ".join(f"{pointer or '/'}: {reason}" for pointer, reason in self.faults[:5])
        return f"metadata does not fit schema {self.version} of {self.category!r}: {first}"

    @property
    @override
    def remedy(self) -> str:
        return f"Correct the places named; read the schema at /categories/{self.category}/schemas."


class CategoryNotFoundError(RegistryError):
    """No category of this name, or no such version of its schema."""

    code = "category_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    @override
    def __str__(self) -> str:
        return f"no category {self.name!r}"

    @property
    @override
    def remedy(self) -> str:
        return "List the categories with GET /v1/registry/categories."


class RelationshipTypeNotFoundError(RegistryError):
    """No relationship type of this name."""

    code = "relationship_type_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    @override
    def __str__(self) -> str:
        return f"no relationship type {self.name!r}"

    @property
    @override
    def remedy(self) -> str:
        return "List the types with GET /v1/registry/relationship-types."


class TypeInUseError(RegistryError):
    """A category or relationship type cannot be changed so while things of it exist."""

    code = "type_in_use"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"{self.name!r} {self.reason}"

    @property
    @override
    def remedy(self) -> str:
        return "Change or delete what uses it first."


class CategoryExistsError(RegistryError):
    """A category of this name exists already."""

    code = "category_exists"
    field = "name"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    @override
    def __str__(self) -> str:
        return f"a category {self.name!r} exists already"

    @property
    @override
    def remedy(self) -> str:
        return "Choose another name, or update the existing category with PATCH."


class StatusTransitionError(RegistryError):
    """An entry may not go from its status to the one asked for."""

    code = "status_transition"
    field = "status"

    def __init__(self, current: str, asked: str, allowed: tuple[str, ...]) -> None:
        super().__init__(current, asked, allowed)
        self.current = current
        self.asked = asked
        self.allowed = allowed

    @override
    def __str__(self) -> str:
        return f"an entry that is {self.current} does not become {self.asked}"

    @property
    @override
    def remedy(self) -> str:
        return f"Use one of: {', '.join(self.allowed) or 'none; register it under another id'}."


class RelationshipRefusedError(FieldFaultError):
    """The definition of a relationship type does not allow the relationship."""

    code = "relationship_refused"


class SealedFieldError(FieldFaultError):
    """A sealed field of metadata cannot be written, or read, as asked."""

    code = "sealed_field"
