import asyncio
import socket
from collections.abc import Generator

import httpx
import pytest
import ray
from ray import serve

from hyper_registry.domain.principal import Role
from hyper_registry.storage.database import Database
from serve_app.app import ApplicationArguments, build
from tests.support.services import ADMIN, build_services

pytestmark = pytest.mark.filterwarnings("default")  # Ray's own start-up warns about its future


@pytest.fixture
def api_url(dsn: str) -> Generator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={
            "env_vars": {
                "HYPER_REGISTRY_DATABASE_URL": dsn,
                "HYPER_REGISTRY_DATABASE__POOL_MIN": "1",
            }
        },
    )
    try:
        serve.start(http_options={"host": "127.0.0.1", "port": port})
        serve.run(build(ApplicationArguments(max_replicas=1)), route_prefix="/")
        yield f"http://127.0.0.1:{port}/v1/registry"
    finally:
        serve.shutdown()
        ray.shutdown()


async def test_the_deployed_application_serves_the_registry(api_url: str, database: Database):
    _, token = await build_services(database).keys.create(ADMIN, "eve", Role.EDITOR)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(headers=headers, timeout=60) as client:
        health = await client.get(f"{api_url}/health")
        assert health.json() == {"status": "ok"}
        assert (
            await client.get(f"{api_url}/search", headers={"Authorization": ""})
        ).status_code == 401
        draft = {"category": "model", "title": "Rain predictor", "entry_id": "rain"}
        assert (await client.post(f"{api_url}/entries", json=draft)).status_code == 201
        found = await client.get(f"{api_url}/search", params={"q": "rain"})
        assert [hit["entry_id"] for hit in found.json()["hits"]] == ["rain"]
        for _ in range(100):
            if (await client.get(f"{api_url}/entries/rain")).json()["embedded"]:
                break
            await asyncio.sleep(0.1)
        near = await client.get(f"{api_url}/search", params={"q": "wet", "mode": "vector"})
        assert [hit["entry_id"] for hit in near.json()["hits"]] == ["rain"]
