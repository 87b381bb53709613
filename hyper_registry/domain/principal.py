"""Who is asking, and the one rule about which entries they may see.

An entry carries a set of *readers* and a principal a set of *grants*; the entry is visible when
the two meet. The rule is this small so that Postgres (``readers && grants``), the index (a mask
over dictionary codes) and a test oracle can each apply exactly the same one.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from hyper_registry.domain.errors.access import PermissionDeniedError
from hyper_registry.domain.scope import (
    EVERY_SCOPE,
    NAMESPACE_WRITING,
    READING,
    WRITING,
    Scope,
)

EVERYONE = "*"
"""Grant that every principal holds; a reader of every entry that is not private."""


def namespace_grant(namespace: str) -> str:
    """Return the grant of who has a role in a namespace: a reader of all entries in it.

    Parameters
    ----------
    namespace
        The form of its name.
    """
    return f"namespace:{namespace}"


class Role(StrEnum):
    """What a principal may do, by the scopes that the role has.

    Each includes the scopes of the one before it, but for the editor and the auditor: an auditor
    reads what a viewer reads and the audit log, and changes nothing.
    """

    VIEWER = "viewer"
    AUDITOR = "auditor"
    EDITOR = "editor"
    ADMIN = "admin"


ROLE_SCOPES: dict[Role, frozenset[Scope]] = {
    Role.VIEWER: READING,
    Role.AUDITOR: READING | {Scope.AUDIT_READ},
    Role.EDITOR: READING | WRITING,
    Role.ADMIN: EVERY_SCOPE,
}
"""The scopes of the built-in roles; a custom role is a set of scopes of its own."""


class NamespaceRole(StrEnum):
    """What a principal is in one namespace; each includes those before it."""

    VIEWER = "viewer"
    EDITOR = "editor"
    OWNER = "owner"


_WRITING_ROLES = frozenset({NamespaceRole.EDITOR, NamespaceRole.OWNER})
_NAMESPACE_RANK = {role: rank for rank, role in enumerate(NamespaceRole)}


@dataclass(frozen=True, slots=True)
class NamespaceBinding:
    """A role that a principal, or a group of its, holds in a namespace, named by its form."""

    namespace: str
    role: NamespaceRole


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller.

    Attributes
    ----------
    name
        Stable name, written to audit rows.
    role
        The built-in role held. The holder of a custom role is an editor or a viewer, by whether
        the role writes, whose scopes are those of the custom role.
    groups
        Groups whose private entries the caller may read.
    scopes
        What the caller is narrowed to; None for all scopes of the role.
    bindings
        Roles in namespaces, those of the groups included.
    namespace_scopes
        Scopes that a role which writes in a namespace adds, for that namespace; fewer if the caller
        is narrowed.
    credential
        What the caller showed, such as the id of a key: who shares a name is still told apart by
        it, in the caller's share of requests and in repeated ones.
    """

    name: str
    role: Role
    groups: frozenset[str] = frozenset()
    scopes: frozenset[Scope] | None = None
    bindings: frozenset[NamespaceBinding] = frozenset()
    credential: str = field(default="", compare=False)
    namespace_scopes: frozenset[Scope] = NAMESPACE_WRITING

    @classmethod
    def of_custom_role(
        cls,
        name: str,
        scopes: frozenset[Scope],
        groups: frozenset[str] = frozenset(),
        *,
        bindings: frozenset[NamespaceBinding] = frozenset(),
        credential: str = "",
        namespace_scopes: frozenset[Scope] = NAMESPACE_WRITING,
    ) -> "Principal":
        """Return the holder of a custom role, which is a set of scopes."""
        role = Role.VIEWER if scopes <= ROLE_SCOPES[Role.AUDITOR] else Role.EDITOR
        return cls(name, role, groups, scopes, bindings, credential, namespace_scopes)

    @property
    def allowed(self) -> frozenset[Scope]:
        """The scopes that the caller has in the end."""
        return ROLE_SCOPES[self.role] if self.scopes is None else self.scopes

    def holds(self, role: Role) -> bool:
        """Whether the caller's role has all scopes of `role`."""
        return ROLE_SCOPES[role] <= ROLE_SCOPES[self.role]

    def require(self, needed: Role | Scope, action: str) -> None:
        """Refuse `action` unless the caller has the role, or the scope, that it needs.

        Raises
        ------
        PermissionDeniedError
            If the caller's role is weaker, or has not the scope or was narrowed to others.
        """
        if isinstance(needed, Role):
            if not self.holds(needed):
                raise PermissionDeniedError(self.name, self.role.value, action)
        elif needed not in self.allowed:
            raise PermissionDeniedError(
                self.name, self.role.value, f"{action}: the scope {needed.value!r} is missing"
            )

    def admitted(self, scope: Scope, action: str) -> "Principal":
        """Return the caller as the one that a request of a scope is answered to.

        Who has the scope by a role in a namespace only is a viewer everywhere else.

        Raises
        ------
        PermissionDeniedError
            If the caller has the scope nowhere.
        """
        if scope not in self.allowed and scope in self.namespace_scopes and self._writes_in_some():
            return replace(self, role=Role.VIEWER)
        self.require(scope, action)
        return self

    def require_some_writing(self, action: str) -> None:
        """Refuse `action` to who may write nowhere, before anything is looked at.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor, be it in a namespace.
        """
        if not self.holds(Role.EDITOR) and not self._writes_in_some():
            self.require(Role.EDITOR, action)

    def require_writing_in(self, namespace: str | None, action: str) -> None:
        """Refuse `action` on an entry of a namespace, or of none.

        Raises
        ------
        PermissionDeniedError
            If the caller is no editor, neither everywhere nor there.
        """
        if not self.may_write_in(namespace):
            place = "outside of namespaces" if namespace is None else f"in {namespace!r}"
            raise PermissionDeniedError(self.name, self.role.value, f"{action} {place}")

    def may_write_in(self, namespace: str | None) -> bool:
        """Whether the caller may write entries of a namespace, or with None those of none."""
        if self.holds(Role.EDITOR):
            return True
        return namespace is not None and self.role_in(namespace) in _WRITING_ROLES

    def _writes_in_some(self) -> bool:
        return any(binding.role in _WRITING_ROLES for binding in self.bindings)

    def covers(self, other: "Principal") -> bool:
        """Whether the caller may do and read all that `other` may.

        Only then may it hand out a key of the other's: a key never makes a stronger one.
        """
        if not other.allowed <= self.allowed:
            return False
        if self.role is Role.ADMIN:
            return True
        # A name is a grant: it reads what is private to it.
        return (
            other.role is not Role.ADMIN and other.name == self.name and other.groups <= self.groups
        )

    def role_in(self, namespace: str) -> NamespaceRole | None:
        """Return the strongest role in a namespace; an administrator owns them all."""
        if self.role is Role.ADMIN:
            return NamespaceRole.OWNER
        held = [binding.role for binding in self.bindings if binding.namespace == namespace]
        return max(held, key=_NAMESPACE_RANK.__getitem__, default=None)

    @property
    def grants(self) -> list[str] | None:
        """Readers this caller matches, sorted; None for an administrator, who sees everything."""
        if self.role is Role.ADMIN:
            return None
        return sorted(
            {
                EVERYONE,
                f"user:{self.name}",
                *(f"group:{group}" for group in self.groups),
                *(namespace_grant(binding.namespace) for binding in self.bindings),
            }
        )

    def may_read(self, readers: frozenset[str]) -> bool:
        """Apply the visibility rule to one entry's readers."""
        grants = self.grants
        return grants is None or not readers.isdisjoint(grants)


LOCAL_ADMIN = Principal("local", Role.ADMIN)
"""The operator of an embedded registry, who owns its files anyway."""
