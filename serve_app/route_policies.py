"""What each route asks of its caller, all in one table.

A route that is not in the table admits nobody: whoever adds a route decides here who may ask it.
Health and the OpenAPI document take no caller, and so need no policy.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hyper_registry.domain.scope import Scope

PREFIX = "/v1/registry"
"""Path below which all routes are."""


@dataclass(frozen=True, slots=True)
class RoutePolicy:
    """What one route asks of its caller.

    Attributes
    ----------
    scope
        Scope that the caller needs.
    """

    method: str
    path: str
    scope: Scope
    pattern: re.Pattern[str] = field(compare=False)

    def values(self, path: str) -> list[str]:
        """Return the values of the path's parameters."""
        found = self.pattern.fullmatch(path.removeprefix(PREFIX))
        return [] if found is None else list(found.groups())


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", "([^/]+)", template))


POLICIES = tuple(
    RoutePolicy(method, path, scope, _pattern(path))
    for scope, routes in {
        Scope.ENTRIES_READ: (
            "GET /entries/{entry_id}",
            "GET /entries/{entry_id}/versions",
            "GET /entries/{entry_id}/versions/diff",
            "GET /entries/{entry_id}/versions/{version}",
            "GET /entries/{entry_id}/aliases",
            "GET /entries/{entry_id}/duplicates",
            "GET /duplicates",
            "GET /handles/{namespace}/{name}",
            "GET /merges/{merge_id}",
            "GET /namespaces",
            "GET /namespaces/{namespace}",
            "GET /deleted-entries",
            "GET /entries/{entry_id}/reviews",
            "GET /reviews",
            "GET /reviews/{review_id}",
            "GET /lifecycle/sunset",
        ),
        Scope.ENTRIES_WRITE: (
            "POST /entries",
            "PUT /entries/{entry_id}",
            "DELETE /entries/{entry_id}",
            "PATCH /entries/{entry_id}",
            "POST /entries/{entry_id}/owner",
            "POST /entries/{entry_id}/rename",
            "POST /entries/{entry_id}/merge",
            "POST /entries/{entry_id}/duplicates/{other_id}/reject",
            "POST /merges/{merge_id}/undo",
            "POST /entries/{entry_id}/transfer",
            "POST /entries/{entry_id}/undelete",
            "POST /entries/{entry_id}/reviews",
            "POST /reviews/{review_id}/withdraw",
            "POST /entries/{entry_id}/versions/{version}/restore",
        ),
        Scope.RELATIONSHIPS_READ: (
            "GET /entries/{entry_id}/relationships",
            "GET /relationships/{relationship_id}",
            "GET /relationships/{relationship_id}/versions",
        ),
        Scope.RELATIONSHIPS_WRITE: (
            "POST /relationships",
            "PUT /relationships/{relationship_id}",
            "PATCH /relationships/{relationship_id}",
            "DELETE /relationships/{relationship_id}",
        ),
        Scope.SEARCH: ("GET /search", "GET /search/status"),
        Scope.GRAPH_READ: ("GET /graph/path", "GET /entries/{entry_id}/centrality"),
        Scope.ANALYTICS_READ: ("GET /analytics",),
        Scope.BULK_READ: ("GET /bulk/export",),
        Scope.BULK_WRITE: (
            "POST /bulk/register",
            "POST /bulk/update",
            "POST /bulk/delete",
            "POST /bulk/relationships",
            "POST /bulk/import",
        ),
        Scope.CATEGORIES_READ: (
            "GET /categories",
            "GET /categories/{name}",
            "GET /categories/{name}/schemas",
            "GET /relationship-types",
            "GET /relationship-types/{name}",
        ),
        Scope.CATEGORIES_MANAGE: (
            "POST /categories",
            "PATCH /categories/{name}",
            "DELETE /categories/{name}",
            "POST /categories/{name}/schemas",
            "PUT /relationship-types/{name}",
            "DELETE /relationship-types/{name}",
        ),
        Scope.CHANGES_READ: ("GET /changes",),
        Scope.COMPLIANCE_READ: (
            "GET /compliance/frameworks",
            "GET /compliance/frameworks/{framework}",
            "GET /compliance/frameworks/{framework}/report",
            "GET /compliance/expiring",
            "GET /compliance/overdue",
            "GET /entries/{entry_id}/compliance",
            "GET /entries/{entry_id}/compliance/{framework}/{control}",
            "GET /entries/{entry_id}/compliance/{framework}/{control}/versions",
        ),
        Scope.COMPLIANCE_ASSESS: (
            "PUT /entries/{entry_id}/compliance/{framework}/{control}",
            "DELETE /entries/{entry_id}/compliance/{framework}/{control}",
        ),
        Scope.COMPLIANCE_MANAGE: (
            "POST /compliance/frameworks",
            "PUT /compliance/frameworks/{framework}",
            "DELETE /compliance/frameworks/{framework}",
        ),
        Scope.ERASURES_MANAGE: (
            "GET /erasures",
            "POST /erasures",
            "GET /erasures/{erasure_id}",
        ),
        Scope.AUDIT_READ: ("GET /audit", "GET /audit/export", "GET /audit/verify"),
        Scope.WEBHOOKS_MANAGE: (
            "GET /webhooks",
            "POST /webhooks",
            "GET /webhooks/{webhook_id}",
            "PATCH /webhooks/{webhook_id}",
            "DELETE /webhooks/{webhook_id}",
            "GET /webhooks/{webhook_id}/deliveries",
            "POST /webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver",
        ),
        Scope.AI: ("POST /ai/classify", "POST /ai/embed"),
        Scope.KEYS_MANAGE: (
            "GET /keys",
            "POST /keys",
            "GET /keys/{key_id}",
            "POST /keys/{key_id}/rotate",
            "PUT /keys/{key_id}/expiry",
            "DELETE /keys/{key_id}",
        ),
        Scope.NAMESPACES_MANAGE: (
            "POST /namespaces",
            "PATCH /namespaces/{namespace}",
            "DELETE /namespaces/{namespace}",
            "GET /namespaces/{namespace}/bindings",
            "PUT /namespaces/{namespace}/bindings",
            "DELETE /namespaces/{namespace}/bindings/{binding_id}",
            "POST /reviews/{review_id}/decisions",
        ),
        Scope.ROLES_MANAGE: (
            "GET /roles",
            "POST /roles",
            "GET /roles/{name}",
            "PUT /roles/{name}",
            "DELETE /roles/{name}",
            "GET /role-bindings",
            "PUT /role-bindings",
            "DELETE /role-bindings/{binding_id}",
        ),
    }.items()
    for method, _, path in (route.partition(" ") for route in routes)
)
"""The policy of each route, its path below `PREFIX`."""


_BY_PATH = {(policy.method, policy.path): policy for policy in POLICIES if "{" not in policy.path}
_BY_PATTERN: dict[tuple[str, str], list[RoutePolicy]] = {}
for _policy in POLICIES:
    if "{" in _policy.path:
        _key = (_policy.method, _policy.path.split("/", 2)[1])
        _BY_PATTERN.setdefault(_key, []).append(_policy)


def api_path(scope: Mapping[str, Any]) -> str:
    """Return the path of a request below the place where the application is mounted.

    Examples
    --------
    >>> api_path({"path": "/staging/v1/registry/health", "root_path": "/staging"})
    '/v1/registry/health'
    """
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def policy_of(method: str, path: str) -> RoutePolicy | None:
    """Return the policy of a request, None where there is none: then nobody is admitted.

    Parameters
    ----------
    path
        As it was asked for, percent-decoded.

    Examples
    --------
    >>> policy_of("GET", "/v1/registry/entries/weather-agent").scope
    <Scope.ENTRIES_READ: 'entries:read'>
    >>> policy_of("PATCH", "/v1/registry/search") is None
    True
    """
    if not path.startswith(PREFIX):
        return None
    below = path[len(PREFIX) :]
    found = _BY_PATH.get((method, below))
    if found is not None:
        return found
    first = below.split("/", 2)[1] if below.startswith("/") else ""
    for policy in _BY_PATTERN.get((method, first), ()):
        if policy.pattern.fullmatch(below) is not None:
            return policy
    return None
