"""Every route has a policy, and every policy a route."""

import re

import pytest
from fastapi import FastAPI

from configs.settings import Settings
from hyper_registry.domain.scope import Scope
from serve_app.api import build_api
from serve_app.route_policies import POLICIES, PREFIX, policy_of

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def api() -> FastAPI:
    return build_api(Settings())


def _routes(api: FastAPI) -> set[tuple[str, str]]:
    return {
        (method.upper(), path)
        for path, operations in api.openapi()["paths"].items()
        for method in operations
        if method in METHODS
    }


def test_every_route_but_health_has_the_policy_of_its_own_template(api: FastAPI):
    # A new route fails here until serve_app/route_policies.py says which scope it needs.
    without: list[tuple[str, str]] = []
    for method, path in sorted(_routes(api)):
        policy = policy_of(method, re.sub(r"\{\w+\}", "x.1", path))
        if policy is None:
            without.append((method, path))
        else:
            assert (policy.method, PREFIX + policy.path) == (method, path)
    assert without == [("GET", f"{PREFIX}/health")]


def test_every_policy_is_that_of_a_route(api: FastAPI):
    assert {(policy.method, PREFIX + policy.path) for policy in POLICIES} <= _routes(api)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/entries/a/b"),
        ("GET", "/entries/"),
        ("GET", "/entries"),
        ("PATCH", "/search"),
        ("GET", "/search/"),
        ("GET", "searching"),
        ("GET", ""),
        ("POST", "/entries/../keys"),
    ],
)
def test_what_is_no_route_has_no_policy(method: str, path: str):
    assert policy_of(method, PREFIX + path) is None


def test_writing_needs_a_scope_that_no_viewer_has():
    reading = {Scope.AI, Scope.SEARCH}
    for policy in POLICIES:
        if policy.method != "GET":
            assert policy.scope in reading or not policy.scope.endswith(":read"), policy
