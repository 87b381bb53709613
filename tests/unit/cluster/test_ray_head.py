import os
from pathlib import Path

import pytest

from cluster.instance import InstancePaths
from cluster.processes import find_process, wait_ended
from cluster.ray_head import (
    RayResources,
    discard_old_sessions,
    head_command,
    last_line,
    launch_detached,
)
from hyper_registry.domain.errors.service import ClusterError
from tests.unit.cluster.test_ray_environment import PATHS, RECORD


def test_the_command_names_every_port_and_stays_on_loopback() -> None:
    command = head_command(PATHS, RECORD, RayResources(num_cpus=3, object_store_bytes=100 * 2**20))
    assert command[1:6] == ["-m", "ray.scripts.scripts", "start", "--head", "--block"]
    assert {
        "--node-ip-address=127.0.0.2",
        "--port=21",
        "--dashboard-host=127.0.0.1",
        "--dashboard-port=22",
        "--dashboard-agent-listen-port=23",
        "--ray-client-server-port=24",
        "--num-cpus=3",
        "--object-store-memory=104857600",
        f"--temp-dir={PATHS.runtime_directory}",
        "--disable-usage-stats",
    } <= set(command)
    assert not [argument for argument in command if argument.startswith("--num-gpus")]


def test_cpus_default_to_the_machines() -> None:
    assert f"--num-cpus={os.cpu_count()}" in head_command(PATHS, RECORD, RayResources())


def test_gpus_are_named_when_set() -> None:
    assert "--num-gpus=0" in head_command(PATHS, RECORD, RayResources(num_gpus=0))


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        (RayResources(object_store_bytes=1024), "an object store of 1024 bytes is too small"),
        (RayResources(num_cpus=0), "0 CPUs are too few"),
    ],
)
def test_impossible_resources_are_refused(resources: RayResources, reason: str) -> None:
    with pytest.raises(ClusterError, match=reason):
        head_command(PATHS, RECORD, resources)


def test_a_launched_process_leads_its_own_session_and_logs(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = 'echo "$GREETING $(ps -o sid= -p $$) $$"; echo to stderr >&2'
    identity = launch_detached(
        ["/bin/sh", "-c", script], {"GREETING": "hello", "PATH": os.environ["PATH"]}, log
    )
    process = find_process(identity)
    assert process is None or wait_ended([process], timeout_s=10) == []
    greeting, session, pid = log.read_text().splitlines()[0].split()
    assert (greeting, session, pid) == ("hello", str(identity.pid), str(identity.pid))
    assert last_line(log) == "to stderr"


def test_a_missing_program_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="/no/such/program"):
        launch_detached(["/no/such/program"], {}, tmp_path / "log")


def test_the_last_line_is_the_last_that_says_something(tmp_path: Path) -> None:
    log = InstancePaths.of(tmp_path).home / "log"
    assert last_line(log) == "its log is empty"
    log.write_text("first\n\x1b[31mOSError: no\x1b[39m port\n\n  \n")
    assert last_line(log) == "OSError: no port"


def test_only_the_newest_session_is_kept(tmp_path: Path) -> None:
    for name in ("session_2026-01-01_1", "session_2026-01-02_9", "a" * 56, "session_latest"):
        (tmp_path / name / "logs").mkdir(parents=True)
    discard_old_sessions(tmp_path)
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["session_2026-01-02_9", "session_latest"]
