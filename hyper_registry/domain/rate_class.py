"""Classes of routes that share a limit of requests."""

from enum import StrEnum

from hyper_registry.domain.scope import Scope


class RateClass(StrEnum):
    """Requests that cost about the same."""

    READ = "read"
    SEARCH = "search"
    WRITE = "write"
    BULK = "bulk"
    AI = "ai"
    MANAGE = "manage"


_OF_SCOPE = {
    Scope.ENTRIES_WRITE: RateClass.WRITE,
    Scope.RELATIONSHIPS_WRITE: RateClass.WRITE,
    Scope.SEARCH: RateClass.SEARCH,
    Scope.GRAPH_READ: RateClass.SEARCH,
    Scope.ANALYTICS_READ: RateClass.SEARCH,
    Scope.BULK_READ: RateClass.BULK,
    Scope.BULK_WRITE: RateClass.BULK,
    Scope.AI: RateClass.AI,
    Scope.KEYS_MANAGE: RateClass.MANAGE,
    Scope.ROLES_MANAGE: RateClass.MANAGE,
    Scope.CATEGORIES_MANAGE: RateClass.MANAGE,
    Scope.WEBHOOKS_MANAGE: RateClass.MANAGE,
}


def rate_class(scope: Scope) -> RateClass:
    """Return the class of the routes that need a scope; what is not costly is a read."""
    return _OF_SCOPE.get(scope, RateClass.READ)
