import sys
from pathlib import Path

import pytest

from cluster.instance import InstancePaths, InstanceRecord, write_record
from cluster.ports import InstancePorts
from cluster.ray_environment import head_environment, instance_mark, ray_environment
from hyper_registry.domain.errors.service import ClusterError

RECORD = InstanceRecord(
    ports=InstancePorts(
        http=8000,
        gcs=21,
        dashboard=22,
        dashboard_agent=23,
        ray_client=24,
        haproxy_metrics=25,
        haproxy_stats=26,
        dashboard_metrics=27,
        serve_fallback=28,
        replica_first=100,
    ),
    http_host="127.0.0.1",
    node_ip="127.0.0.2",
)
PATHS = InstancePaths(Path("/srv/registry"))


def environment(inherited: dict[str, str]) -> dict[str, str]:
    return head_environment(
        PATHS, RECORD, max_connections=1536, import_roots=("/src",), inherited=inherited
    )


def test_the_head_demands_the_instances_token() -> None:
    variables = environment({"RAY_AUTH_MODE": "disabled", "RAY_AUTH_TOKEN": "foreign"})
    assert variables["RAY_AUTH_MODE"] == "token"
    assert variables["RAY_AUTH_TOKEN_PATH"] == "/srv/registry/ray-token"
    assert "RAY_AUTH_TOKEN" not in variables


def test_the_head_never_follows_another_cluster() -> None:
    inherited = {"RAY_ADDRESS": "10.0.0.1:6379", "RAY_REDIS_ADDRESS": "r:1", "HOME": "/root"}
    variables = environment(inherited)
    assert variables["HOME"] == "/root"
    assert not {"RAY_ADDRESS", "RAY_REDIS_ADDRESS"} & variables.keys()


def test_import_roots_come_before_an_inherited_path() -> None:
    assert environment({})["PYTHONPATH"] == "/src"
    assert environment({"PYTHONPATH": "/own"})["PYTHONPATH"] == "/src:/own"


def test_a_jobs_python_is_this_one() -> None:
    variables = environment({"PATH": "/usr/bin"})
    assert variables["PATH"] == f"{Path(sys.executable).parent}:/usr/bin"


def test_ports_and_connections_reach_ray() -> None:
    variables = environment({})
    expected = {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "RAY_worker_niceness": "0",
        "RAY_SERVE_HAPROXY_MAXCONN": "1536",
        "RAY_SERVE_HAPROXY_METRICS_PORT": "25",
        "RAY_SERVE_HAPROXY_STATS_PORT": "26",
        "DASHBOARD_METRIC_PORT": "27",
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": "28",
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": "100",
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": "163",
    }
    assert {name: variables[name] for name in expected} == expected


def test_sockets_stay_below_the_limit_of_unix() -> None:
    variables = environment({})
    node_id = "a" * 56
    for name in ("RAY_SERVE_HAPROXY_SOCKET_PATH", "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH"):
        path = Path(variables[name])
        # HAProxy binds under a temporary name first.
        bound = path.parent / node_id / f"{path.name}.4194304.tmp"
        assert len(str(bound)) <= 107


def test_the_mark_is_in_the_heads_environment_only(tmp_path: Path) -> None:
    mark = instance_mark(PATHS)
    assert environment({})[mark.variable] == mark.value
    paths = InstancePaths.of(tmp_path)
    write_record(paths, RECORD)
    assert mark.variable not in ray_environment(paths)


def test_clients_get_token_and_addresses(tmp_path: Path) -> None:
    paths = InstancePaths.of(tmp_path)
    write_record(paths, RECORD)
    assert ray_environment(paths) == {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(tmp_path / "ray-token"),
        "RAY_ADDRESS": "127.0.0.2:21",
        "RAY_API_SERVER_ADDRESS": "http://127.0.0.1:22",
    }


def test_clients_of_nothing_are_told_to_start_it(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="nothing was started"):
        ray_environment(InstancePaths.of(tmp_path))
