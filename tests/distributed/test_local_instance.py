"""Two instances on one machine, told in the order in which an operator would meet them.

Starting Ray takes most of the time, so the tests of a module share the instances and the last ones
end them.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import psutil
import pytest

from cluster.dashboard import Dashboard
from cluster.instance import InstancePaths, read_record
from cluster.local_instance import (
    LocalInstanceOptions,
    StartedInstance,
    start_instance,
    stop_instance,
)
from cluster.ports import is_free
from cluster.processes import find_family, is_alive
from cluster.ray_environment import FOREIGN_VARIABLES, instance_mark, ray_environment
from cluster.ray_head import RayResources
from cluster.serve_config import ServeApplication
from cluster.serve_deployment import ApplicationState
from cluster.status import InstanceStatus, instance_status
from hyper_registry.domain.errors.service import ClusterError

pytestmark = [
    # Ray's schema uses an argument that this pydantic calls deprecated, once, at its import.
    pytest.mark.filterwarnings(
        "ignore:Using extra keyword arguments on `Field`:"
        "pydantic.warnings.PydanticDeprecatedSince20"
    ),
    pytest.mark.timeout(240),
]

APPLICATION = ServeApplication(
    "tests.support.tiny_app:build", {"greeting": "hello"}, {"TINY_MOOD": "calm"}
)
RESOURCES = RayResources(num_cpus=2, num_gpus=0, object_store_bytes=100 * 2**20)
DRIVER = """
import ray
ray.init(log_to_driver=False, logging_level="error")
print(ray.get(ray.remote(lambda: 6 * 7).remote()))
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """The instance under test and a second one, which must never notice."""

    options: LocalInstanceOptions
    started: StartedInstance
    other_options: LocalInstanceOptions
    other: StartedInstance


def options_for(home: Path) -> LocalInstanceOptions:
    return LocalInstanceOptions(home=home, application=APPLICATION, resources=RESOURCES)


@pytest.fixture(scope="module")
def pair() -> Generator[Pair]:
    base = Path(tempfile.mkdtemp(prefix="instances-"))
    first, second = options_for(base / "first"), options_for(base / "second")
    try:
        with ThreadPoolExecutor(2) as starters:
            started, other = starters.map(start_instance, (first, second))
        yield Pair(first, started, second, other)
    finally:
        for options in (first, second):
            stop_instance(options.home, drain_timeout_s=0)
            shutil.rmtree(InstancePaths.of(options.home).runtime_directory, ignore_errors=True)
        shutil.rmtree(base)


def wait_for(what: str, happened: Callable[[], bool], timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < deadline, f"{what} did not happen within {timeout_s} s"
        time.sleep(0.2)


def greeting(started: StartedInstance) -> httpx.Response:
    return httpx.get(f"{started.api_url}/greeting", timeout=10)


def processes_of(home: Path) -> list[psutil.Process]:
    paths = InstancePaths.of(home)
    record = read_record(paths)
    return find_family(record.head if record is not None else None, instance_mark(paths))


def test_the_application_answers_through_haproxy(pair: Pair) -> None:
    assert pair.started.deployed
    assert not pair.started.joined
    answer = greeting(pair.started).json()
    assert answer["greeting"] == "hello"
    assert answer["mood"] == "calm"
    assert answer["nice"] == psutil.Process(pair.started.record.head.pid).nice()  # type: ignore[union-attr]
    owner = [
        psutil.Process(connection.pid).name()
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
        and connection.laddr == ("127.0.0.1", pair.started.record.ports.http)
    ]
    assert owner == ["haproxy"]


def test_two_instances_share_nothing(pair: Pair) -> None:
    assert greeting(pair.started).json()["pid"] != greeting(pair.other).json()["pid"]
    here, there = instance_status(pair.options.home), instance_status(pair.other_options.home)
    assert not set(here.pids) & set(there.pids)


def test_the_status_tells_what_runs(pair: Pair) -> None:
    status = instance_status(pair.options.home)
    head = pair.started.record.head
    assert head is not None
    assert status == InstanceStatus(
        running=True,
        api_url=pair.started.api_url,
        dashboard_url=pair.started.dashboard_url,
        started_at=pair.started.record.started_at,
        head_pid=head.pid,
        pids=status.pids,
        applications={"hyper-registry": ApplicationState.RUNNING},
    )
    assert {head.pid, greeting(pair.started).json()["pid"]} <= set(status.pids)


def test_a_second_start_joins_and_changes_nothing(pair: Pair) -> None:
    before = greeting(pair.started).json()["pid"]
    steps: list[str] = []
    again = start_instance(pair.options, steps.append)
    assert again.joined
    assert not again.deployed
    assert steps == []
    assert again.record == pair.started.record
    assert greeting(again).json()["pid"] == before


def test_ray_asks_for_the_token(pair: Pair) -> None:
    url = f"{pair.started.dashboard_url}/api/version"
    assert httpx.get(url, trust_env=False).status_code == 401
    other_token = InstancePaths.of(pair.other_options.home).read_token()
    with (
        Dashboard(pair.started.dashboard_url, other_token) as stranger,
        pytest.raises(ClusterError, match=r"40[13]"),
    ):
        stranger.serve_details()


def test_another_process_connects_with_the_environment(pair: Pair) -> None:
    inherited = {name: value for name, value in os.environ.items() if name not in FOREIGN_VARIABLES}
    environment = inherited | ray_environment(InstancePaths.of(pair.options.home))
    driver = subprocess.run(
        [sys.executable, "-c", DRIVER],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (driver.returncode, driver.stdout.strip()) == (0, "42"), driver.stderr


def test_only_the_named_ports_listen_beyond_loopback(pair: Pair) -> None:
    ports = pair.started.record.ports
    named = {ports.gcs, ports.haproxy_metrics, ports.haproxy_stats, ports.dashboard_metrics}
    loopback = {ports.http, ports.dashboard, ports.dashboard_agent, ports.ray_client}
    open_to_all, local = set[int](), set[int]()
    pids = {process.pid for process in processes_of(pair.options.home)}
    for connection in psutil.net_connections("tcp"):
        here = connection.laddr
        if here and connection.pid in pids and connection.status == psutil.CONN_LISTEN:
            on_loopback = here.ip.removeprefix("::ffff:").startswith("127.")
            (local if on_loopback else open_to_all).add(here.port)
    assert named <= open_to_all
    assert loopback | {ports.serve_fallback, ports.replica_first} <= local
    assert not loopback & open_to_all
    # The others are gRPC servers of Ray's processes, at ports that the kernel chose.
    assert all(port >= 32_768 for port in open_to_all - named)


def test_a_killed_replica_is_replaced(pair: Pair) -> None:
    killed = greeting(pair.started).json()["pid"]
    os.kill(killed, signal.SIGKILL)

    def replaced() -> bool:
        try:
            answer = greeting(pair.started)
        except httpx.TransportError:
            return False
        return answer.status_code == httpx.codes.OK and answer.json()["pid"] != killed

    wait_for("the replacement", replaced)


def test_a_broken_application_is_reported_and_can_be_mended(pair: Pair) -> None:
    broken = replace(pair.options, application=replace(APPLICATION, args={}))
    with pytest.raises(ClusterError, match="tiny_app needs a greeting"):
        start_instance(broken)
    mended = replace(pair.options, application=replace(APPLICATION, args={"greeting": "again"}))
    again = start_instance(mended)
    assert again.joined
    assert again.deployed
    wait_for("the new greeting", lambda: greeting(again).json()["greeting"] == "again")


def test_a_taken_port_is_one_clear_error(pair: Pair, tmp_path: Path) -> None:
    taken = replace(options_for(tmp_path), http_port=pair.started.record.ports.http)
    steps: list[str] = []
    with pytest.raises(ClusterError, match=f"port {taken.http_port} of 127.0.0.1 is taken"):
        start_instance(taken, steps.append)
    assert processes_of(tmp_path) == []
    assert not instance_status(tmp_path).running


def test_a_running_instance_keeps_its_port(pair: Pair) -> None:
    moved = replace(pair.options, http_port=pair.started.record.ports.http + 1)
    with pytest.raises(ClusterError, match="the running instance serves port"):
        start_instance(moved)


def test_a_port_is_free_unless_someone_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free("127.0.0.1", port)
    assert is_free("127.0.0.1", port)


def test_a_stop_answers_open_requests_and_leaves_no_process(pair: Pair) -> None:
    family = processes_of(pair.options.home)
    # The other one's, which no stop may touch.
    neighbour = greeting(pair.other).json()["pid"]

    with ThreadPoolExecutor(1) as client:
        slow = client.submit(
            httpx.get, f"{pair.started.api_url}/slow", params={"seconds": 4}, timeout=60
        )
        wait_for("the open request", lambda: open_requests(pair.started) > 0)
        stopped = stop_instance(pair.options.home)
        assert slow.result().json() == "done"

    assert stopped.drained
    assert stopped.processes > 0
    assert [process for process in family if is_alive(process)] == []
    assert processes_of(pair.options.home) == []
    assert instance_status(pair.options.home) == InstanceStatus(running=False)
    assert is_free("127.0.0.1", pair.started.record.ports.http)
    assert greeting(pair.other).json()["pid"] == neighbour


def open_requests(started: StartedInstance) -> int:
    """Requests that the replica is working on, seen from outside: the client's connections."""
    return sum(
        connection.status == psutil.CONN_ESTABLISHED
        and connection.raddr == ("127.0.0.1", started.record.ports.http)
        for connection in psutil.Process().net_connections("tcp")
    )


def test_stopping_again_is_no_error(pair: Pair) -> None:
    stopped = stop_instance(pair.options.home)
    assert (stopped.processes, stopped.drained) == (0, False)


def test_a_stop_cleans_up_after_a_killed_head(pair: Pair) -> None:
    status = instance_status(pair.other_options.home)
    assert status.head_pid is not None
    family = processes_of(pair.other_options.home)
    os.kill(status.head_pid, signal.SIGKILL)
    wait_for("the death", lambda: not instance_status(pair.other_options.home).running)
    stop_instance(pair.other_options.home)
    assert [process for process in family if is_alive(process)] == []
    assert instance_status(pair.other_options.home) == InstanceStatus(running=False)


def test_a_damaged_record_does_not_keep_a_stop_from_its_work(tmp_path: Path) -> None:
    paths = InstancePaths.of(tmp_path)
    paths.record_file.write_text("{")
    with pytest.raises(ClusterError, match=r"instance\.json"):
        instance_status(tmp_path)
    steps: list[str] = []
    assert stop_instance(tmp_path, on_step=steps.append).processes == 0
    assert steps[0].startswith("remove the record")
    assert instance_status(tmp_path) == InstanceStatus(running=False)
