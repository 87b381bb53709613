"""Both profiles side by side on one local Ray: models in the API replica, models behind handles."""

import asyncio
import signal
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass

import httpx
import numpy as np
import psutil
import pytest
import ray
from ray import serve

from hyper_registry.domain.principal import Role
from hyper_registry.storage.embedded import EmbeddedPostgres
from serve_app.app import API, EMBEDDER, ApplicationArguments, ReplicaArguments, build
from serve_app.route_policies import PREFIX
from tests.support.api_process import create_token
from tests.support.postgres_server import cloned_database
from tests.support.write_load import (
    WRITER,
    WriteLoad,
    begin_at,
    look_at,
    require_entries_as_told,
)

pytestmark = pytest.mark.filterwarnings("default")  # Ray's own start-up warns about its future

ONE = ReplicaArguments(max_replicas=1, cpus=0.1)
PROFILES = ("local", "cluster")
WEATHER = {"category": "agent", "title": "Weather agent", "description": "Forecasts rain."}
LEDGER = {"category": "service", "title": "Tax ledger", "description": "Books invoices."}


@dataclass(frozen=True)
class Deployed:
    """The address of each profile's API, and keys of a writer and an administrator for both."""

    urls: dict[str, str]
    token: str
    admin_token: str

    def client(self, profile: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.urls[profile],
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=60,
        )


@pytest.fixture(scope="module")
async def shared_dsn(postgres: EmbeddedPostgres, template_database: str) -> AsyncGenerator[str]:
    async with cloned_database(postgres, template_database) as address:
        yield address


@pytest.fixture(scope="module")
async def tokens(shared_dsn: str) -> tuple[str, str]:
    return (
        await create_token(shared_dsn, WRITER, Role.EDITOR),
        await create_token(shared_dsn, "ada", Role.ADMIN),
    )


@pytest.fixture(scope="module")
def deployed(shared_dsn: str, tokens: tuple[str, str]) -> Generator[Deployed]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={
            "env_vars": {
                "HYPER_REGISTRY_DATABASE_URL": shared_dsn,
                "HYPER_REGISTRY_DATABASE__POOL_MIN": "1",
                "HYPER_REGISTRY_EMBEDDING__THREADS": "1",
                # What a killed replica was at can be asked for again after so long.
                "HYPER_REGISTRY_REQUESTS__IDEMPOTENCY_LEASE_S": "10",
            }
        },
    )
    try:
        serve.start(http_options={"host": "127.0.0.1", "port": port})
        for profile in PROFILES:
            arguments = ApplicationArguments(
                profile=profile, api=ONE, embedder=ONE, classifier=ONE, model_timeout_s=40
            )
            serve.run(build(arguments), name=profile, route_prefix=f"/{profile}")
        urls = {name: f"http://127.0.0.1:{port}/{name}{PREFIX}" for name in PROFILES}
        yield Deployed(urls, *tokens)
    finally:
        serve.shutdown()
        ray.shutdown()


def _replica_processes(profile: str, deployment: str) -> list[psutil.Process]:
    title = f"ray::ServeReplica:{profile}:{deployment}"
    return [
        process for process in psutil.Process().children(recursive=True) if title in _title(process)
    ]


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()[:1])
    except psutil.NoSuchProcess:  # it ended since it was listed, or is not reaped yet
        return ""


async def test_the_embedder_has_replicas_in_the_cluster_profile_only(deployed: Deployed):
    assert len(_replica_processes("cluster", EMBEDDER)) == 1
    assert _replica_processes("local", EMBEDDER) == []
    assert len(_replica_processes("local", API)) == 1


async def test_both_profiles_answer_the_same(deployed: Deployed):
    async with deployed.client("cluster") as cluster, deployed.client("local") as local:
        assert (await cluster.get("/health")).json() == {"status": "ok"}
        for client, body in ((cluster, WEATHER), (local, LEDGER)):
            created = await client.post("/entries", json=body, params={"wait": "embedded"})
            assert (created.status_code, created.json()["embedded"]) == (201, True), created.text
        texts = {"texts": ["will it be wet", "who booked this invoice"]}
        vectors = {}
        for name, client in (("cluster", cluster), ("local", local)):
            answer = (await client.post("/ai/embed", json=texts)).json()
            vectors[name] = (answer["model_id"], np.array(answer["vectors"]))
        assert vectors["cluster"][0] == vectors["local"][0]
        assert vectors["cluster"][1].shape == (2, 384)
        np.testing.assert_allclose(vectors["cluster"][1], vectors["local"][1], atol=1e-5)
        for params in ({"q": "will it be wet", "mode": "vector"}, {"q": "invoices"}):
            answers = [
                (await client.get("/search", params=params)).json() for client in (cluster, local)
            ]
            found = [[hit["title"] for hit in answer["hits"]] for answer in answers]
            assert found[0] == found[1]
        assert found[0] == ["Tax ledger"]
        text = {"text": "A dataset of labelled satellite images in parquet files"}
        classified = [
            (await client.post("/ai/classify", json=text)).json() for client in (cluster, local)
        ]
        assert [answer["category"] for answer in classified] == ["dataset", "dataset"]
        assert classified[0]["confidence"] == pytest.approx(classified[1]["confidence"], abs=1e-4)


async def test_a_bad_text_is_refused_alike_and_a_request_id_comes_back_once(deployed: Deployed):
    for profile in PROFILES:
        async with deployed.client(profile) as client:
            answer = await client.post(
                "/ai/embed",
                content=b'{"texts": ["a\\ud800b"]}',
                headers={"Content-Type": "application/json", "X-Request-Id": "seen-by-me"},
            )
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")
            assert answer.headers.get_list("X-Request-Id") == ["seen-by-me"]


async def test_the_loss_of_the_embedder_is_survived(deployed: Deployed):
    (lost,) = _replica_processes("cluster", EMBEDDER)
    async with deployed.client("cluster") as client:
        asked = [
            asyncio.create_task(client.post("/ai/embed", json={"texts": [f"question {n}"] * 20}))
            for n in range(8)
        ]
        await asyncio.sleep(0.05)
        lost.send_signal(signal.SIGKILL)
        for answer in await asyncio.gather(*asked):
            assert answer.status_code in {200, 503}, answer.text
        await _until(lambda: lost.pid not in _pids("cluster", EMBEDDER))
        again = await client.post("/ai/embed", json={"texts": ["is anybody there"]})
        assert again.status_code == 200, again.text
        assert len(again.json()["vectors"][0]) == 384
    assert lost.pid not in _pids("cluster", EMBEDDER)


async def test_killed_replicas_lose_no_write_and_leave_none_half(deployed: Deployed):
    url = deployed.urls["local"].removesuffix(PREFIX)
    admin = deployed.admin_token
    since = await begin_at(url, admin)
    # Serve's proxy answers 500 for a replica that it lost on the way.
    load = WriteLoad([url], deployed.token, writers=4, outages=(500, 503))
    async with load.running():
        for _ in range(2):
            await load.until_acknowledged(20)
            (lost,) = _replica_processes("local", API)
            lost.send_signal(signal.SIGKILL)
            await _until(lambda gone=lost.pid: gone not in _pids("local", API))
        await load.until_acknowledged(20)
    left = await look_at(url, admin, since)
    left.require_whole(load)
    await require_entries_as_told(url, admin, left)
    await load.repeat_unanswered()
    (await look_at(url, admin, since)).require_whole(load, all_done=True)


def _pids(profile: str, deployment: str) -> set[int]:
    return {process.pid for process in _replica_processes(profile, deployment)}


async def _until(holds: Callable[[], bool]) -> None:
    for _ in range(300):
        if holds():
            return
        await asyncio.sleep(0.1)
    pytest.fail("it did not come about within 30 s")
