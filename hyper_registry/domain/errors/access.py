"""Errors about who is asking, and what they may do."""

from typing_extensions import override

from hyper_registry.domain.errors.base import RegistryError


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


class RoleNotFoundError(RegistryError):
    """No custom role of this name exists."""

    code = "role_not_found"
    field = "role"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    @override
    def __str__(self) -> str:
        return f"no custom role {self.name!r}"

    @property
    @override
    def remedy(self) -> str:
        return "List the roles with GET /v1/registry/roles."


class RoleExistsError(RegistryError):
    """A custom role of this name exists already."""

    code = "role_exists"
    field = "name"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    @override
    def __str__(self) -> str:
        return f"a role {self.name!r} exists already"

    @property
    @override
    def remedy(self) -> str:
        return "Choose another name, or replace the role with PUT."


class RoleInUseError(RegistryError):
    """A custom role cannot be deleted while keys have it."""

    code = "role_in_use"

    def __init__(self, name: str, holders: int) -> None:
        super().__init__(name, holders)
        self.name = name
        self.holders = holders

    @override
    def __str__(self) -> str:
        return f"{self.holders} keys have the role {self.name!r}"

    @property
    @override
    def remedy(self) -> str:
        return "Revoke the keys first, or narrow the role."


class BindingNotFoundError(RegistryError):
    """No role binding of this id exists."""

    code = "binding_not_found"

    def __init__(self, binding_id: int) -> None:
        super().__init__(binding_id)
        self.binding_id = binding_id

    @override
    def __str__(self) -> str:
        return f"no role binding {self.binding_id}"

    @property
    @override
    def remedy(self) -> str:
        return "List the bindings with GET /v1/registry/role-bindings."


class IssuerUnavailableError(RegistryError):
    """The keys of an issuer of tokens could not be fetched yet, so its tokens cannot be checked."""

    code = "issuer_unavailable"

    def __init__(self, issuer: str, reason: str) -> None:
        super().__init__(issuer, reason)
        self.issuer = issuer
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"tokens of {self.issuer} cannot be checked: {self.reason}"

    @property
    @override
    def remedy(self) -> str:
        return "Try again in a moment, use an API key, or let the operator check the issuer's URL."
