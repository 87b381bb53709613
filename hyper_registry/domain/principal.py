"""Who is asking, and the one rule about which entries they may see.

An entry carries a set of *readers* and a principal a set of *grants*; the entry is visible when
the two meet. The rule is this small so that Postgres (``readers && grants``), the index (a mask
over dictionary codes) and a test oracle can each apply exactly the same one.
"""

from dataclasses import dataclass
from enum import StrEnum

from hyper_registry.domain.errors.access import PermissionDeniedError

EVERYONE = "*"
"""Grant that every principal holds; a reader of every entry that is not private."""


class Role(StrEnum):
    """What a principal may do; each role includes those before it."""

    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"


_RANK = {Role.VIEWER: 0, Role.EDITOR: 1, Role.ADMIN: 2}


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller.

    Attributes
    ----------
    name
        Stable name, written to audit rows.
    role
        Strongest role held.
    groups
        Groups whose private entries the caller may read.
    """

    name: str
    role: Role
    groups: frozenset[str] = frozenset()

    def holds(self, role: Role) -> bool:
        """Whether the caller has at least `role`."""
        return _RANK[self.role] >= _RANK[role]

    def require(self, role: Role, action: str) -> None:
        """Refuse `action` unless the caller has at least `role`.

        Raises
        ------
        PermissionDeniedError
            If the caller's role is weaker.
        """
        if not self.holds(role):
            raise PermissionDeniedError(self.name, self.role.value, action)

    @property
    def grants(self) -> list[str] | None:
        """Readers this caller matches, sorted; None for an administrator, who sees everything."""
        if self.role is Role.ADMIN:
            return None
        return sorted({EVERYONE, f"user:{self.name}", *(f"group:{g}" for g in self.groups)})

    def may_read(self, readers: frozenset[str]) -> bool:
        """Apply the visibility rule to one entry's readers."""
        grants = self.grants
        return grants is None or not readers.isdisjoint(grants)


LOCAL_ADMIN = Principal("local", Role.ADMIN)
"""The operator of an embedded registry, who owns its files anyway."""
