"""Roles that a deployment defines, and the roles that principals hold in namespaces."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from hyper_registry.domain.handle import NamespaceName
from hyper_registry.domain.principal import NamespaceRole, Role
from hyper_registry.domain.scope import Scope
from hyper_registry.domain.text import Line, Text

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


def role_name(value: str) -> str:
    """Return `value` unchanged if a custom role can have it as its name.

    Raises
    ------
    ValueError
        If it is no short lower-case name, or that of a built-in role.

    Examples
    --------
    >>> role_name("release-manager")
    'release-manager'
    """
    if _NAME.fullmatch(value) is None:
        msg = "is not 1 to 63 of a-z, 0-9, '_' and '-' that begin with a letter"
        raise ValueError(msg)
    if value in set(Role):
        msg = "is the name of a built-in role; choose another"
        raise ValueError(msg)
    return value


RoleName = Annotated[str, AfterValidator(role_name)]
"""Name of a custom role."""


class RoleContent(BaseModel):
    """What a custom role allows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: Annotated[Text, Field(max_length=1_000)] = ""
    scopes: Annotated[frozenset[Scope], Field(min_length=1)]


class RoleDraft(RoleContent):
    """A custom role to create."""

    name: RoleName


class CustomRole(RoleContent):
    """A named set of scopes."""

    name: str
    created_at: datetime
    created_by: str
    updated_at: datetime


class SubjectKind(StrEnum):
    """Who holds a role in a namespace."""

    PRINCIPAL = "principal"
    GROUP = "group"


class BindingDraft(BaseModel):
    """A role for a principal or a group in a namespace."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespace: NamespaceName
    subject_kind: SubjectKind
    subject: Annotated[Line, Field(max_length=200)]
    role: NamespaceRole


class RoleBinding(BindingDraft):
    """A role that a principal or a group holds in a namespace."""

    binding_id: int
    created_at: datetime
    created_by: str
