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
