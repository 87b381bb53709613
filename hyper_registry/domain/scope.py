"""Scopes: what a caller may ask for, one name for each class of requests."""

from enum import StrEnum


class Scope(StrEnum):
    """A class of requests. A role is a set of scopes, and a key may be narrowed to some of them."""

    ENTRIES_READ = "entries:read"
    ENTRIES_WRITE = "entries:write"
    RELATIONSHIPS_READ = "relationships:read"
    RELATIONSHIPS_WRITE = "relationships:write"
    SEARCH = "search"
    GRAPH_READ = "graph:read"
    ANALYTICS_READ = "analytics:read"
    BULK_READ = "bulk:read"
    BULK_WRITE = "bulk:write"
    AI = "ai"
    CATEGORIES_READ = "categories:read"
    CATEGORIES_MANAGE = "categories:manage"
    CHANGES_READ = "changes:read"
    AUDIT_READ = "audit:read"
    COMPLIANCE_READ = "compliance:read"
    COMPLIANCE_ASSESS = "compliance:assess"
    COMPLIANCE_MANAGE = "compliance:manage"
    ERASURES_MANAGE = "erasures:manage"
    WEBHOOKS_MANAGE = "webhooks:manage"
    KEYS_MANAGE = "keys:manage"
    ROLES_MANAGE = "roles:manage"
    NAMESPACES_MANAGE = "namespaces:manage"


READING = frozenset(
    {
        Scope.ENTRIES_READ,
        Scope.RELATIONSHIPS_READ,
        Scope.SEARCH,
        Scope.GRAPH_READ,
        Scope.ANALYTICS_READ,
        Scope.BULK_READ,
        Scope.AI,
        Scope.CATEGORIES_READ,
        Scope.CHANGES_READ,
        Scope.COMPLIANCE_READ,
    }
)
"""What a viewer may do: all that changes nothing and tells of no other caller."""

WRITING = frozenset(
    {
        Scope.ENTRIES_WRITE,
        Scope.RELATIONSHIPS_WRITE,
        Scope.BULK_WRITE,
        Scope.COMPLIANCE_ASSESS,
        Scope.WEBHOOKS_MANAGE,
        Scope.NAMESPACES_MANAGE,
    }
)
"""What an editor may do beyond that."""

NAMESPACE_WRITING = frozenset(
    {
        Scope.ENTRIES_WRITE,
        Scope.RELATIONSHIPS_WRITE,
        Scope.BULK_WRITE,
        Scope.NAMESPACES_MANAGE,
    }
)
"""What an editor or owner of a namespace may do in it."""

EVERY_SCOPE = frozenset(Scope)
"""What an administrator may do."""
