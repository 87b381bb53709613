"""Limits of requests, as callers meet them."""

import httpx
from fastapi import FastAPI

from hyper_registry.domain.rate_class import RateClass
from hyper_registry.security.rate_limits import FailedAttempts, RateLimits
from hyper_registry.storage.rate_limit_store import RateLimitStore
from serve_app.admission import client_address
from serve_app.route_policies import PREFIX as API
from tests.support.waiting import until


async def test_answers_tell_what_is_left(client: httpx.AsyncClient):
    first = await client.get(f"{API}/search")
    second = await client.get(f"{API}/entries/none")
    assert first.headers["RateLimit-Limit"] == "600000"
    assert first.headers["RateLimit-Remaining"] == "599999"
    assert int(first.headers["RateLimit-Reset"]) <= 60
    assert (second.status_code, second.headers["RateLimit-Remaining"]) == (404, "599999")


async def test_too_many_requests_are_refused_with_a_time(client: httpx.AsyncClient, app: FastAPI):
    database = app.state.registry.database
    few = RateLimits(database, RateLimitStore(), {RateClass.SEARCH: 2})
    object.__setattr__(app.state.registry, "rate_limits", few)
    statuses = [(await client.get(f"{API}/search")).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    refused = await client.get(f"{API}/search")
    assert refused.json()["code"] == "rate_limited"
    assert 1 <= int(refused.headers["Retry-After"]) <= 30
    assert (await client.get(f"{API}/entries/none")).status_code == 404


async def test_guessing_keys_is_limited_and_others_go_on(client: httpx.AsyncClient, app: FastAPI):
    registry = app.state.registry
    mine = client.headers["Authorization"].removeprefix("Bearer ")

    async def is_known() -> bool:
        await client.get(f"{API}/search")
        return registry.authentication.known(mine) is not None

    await until(is_known)
    object.__setattr__(app.state.registry, "failed_attempts", FailedAttempts(3))
    guess = {"Authorization": "Bearer hr_000000000000_00"}
    statuses = [(await client.get(f"{API}/search", headers=guess)).status_code for _ in range(5)]
    assert statuses == [401, 401, 401, 429, 429]
    assert (await client.get(f"{API}/search")).status_code == 200


def test_a_forwarded_address_is_believed_of_our_own_proxies_alone():
    scope = {
        "client": ("10.0.0.1", 5),
        "headers": [(b"x-forwarded-for", b"6.6.6.6, 1.2.3.4"), (b"x-forwarded-for", b"10.0.0.9")],
    }
    assert [client_address(scope, proxies) for proxies in range(5)] == [
        "10.0.0.1",
        "10.0.0.9",
        "1.2.3.4",
        "6.6.6.6",
        "10.0.0.1",
    ]
    assert client_address({"client": None, "headers": []}, 0) == ""
