import stat
import tempfile
from pathlib import Path

import pytest

from cluster.instance import (
    LONGEST_RUNTIME_DIRECTORY,
    InstancePaths,
    InstanceRecord,
    read_record,
    write_record,
)
from cluster.ports import InstancePorts
from cluster.processes import ProcessIdentity
from hyper_registry.domain.errors.service import ClusterError

RECORD = InstanceRecord(
    ports=InstancePorts(8000, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    http_host="127.0.0.1",
    node_ip="127.0.0.2",
    head=ProcessIdentity(4711, 1_700_000_000.25),
    started_at="2026-01-02T03:04:05+00:00",
    application_digest="abc",
)


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InstancePaths:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "t"))
    (tmp_path / "t").mkdir()
    return InstancePaths.of(tmp_path / "home")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_runtime_directory_is_short_however_long_the_home() -> None:
    home = InstancePaths.of(Path("/") / "/".join(["very-long-directory"] * 12))
    assert len(str(home.runtime_directory)) <= LONGEST_RUNTIME_DIRECTORY


def test_a_long_temporary_directory_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T")
    assert InstancePaths.of(Path("/srv/a")).runtime_directory.parent == Path("/tmp")


def test_one_directory_is_one_instance(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    real, link = InstancePaths.of(tmp_path / "real"), InstancePaths.of(tmp_path / "link" / ".")
    assert real == link
    assert real.runtime_directory == link.runtime_directory
    other = InstancePaths.of(tmp_path / "other")
    assert other.runtime_directory != real.runtime_directory


def test_the_token_is_private_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = InstancePaths.of(tmp_path / "home")
    runtime = tmp_path / "r"
    monkeypatch.setattr(InstancePaths, "runtime_directory", property(lambda _self: runtime))
    paths.prepare()
    token = paths.read_token()
    paths.prepare()
    assert paths.read_token() == token
    assert len(token) == 64
    assert mode(paths.token_file) == 0o600
    assert mode(runtime) == 0o700


def test_a_foreign_runtime_directory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = tmp_path / "r"
    (tmp_path / "elsewhere").mkdir()
    runtime.symlink_to("elsewhere")
    monkeypatch.setattr(InstancePaths, "runtime_directory", property(lambda _self: runtime))
    with pytest.raises(ClusterError, match="belongs to another user"):
        InstancePaths.of(tmp_path / "home").prepare()


def test_a_home_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    paths = InstancePaths.of(tmp_path / "file" / "home")
    with pytest.raises(ClusterError, match="Not a directory") as caught, paths.locked():
        pass
    assert caught.value.remedy == f"Make {paths.home} writable."


def test_no_token_says_how_to_get_one(paths: InstancePaths) -> None:
    with pytest.raises(ClusterError, match="failed to read the Ray token") as caught:
        paths.read_token()
    assert "hyper-registry up" in caught.value.remedy


def test_a_record_comes_back_as_it_was(paths: InstancePaths) -> None:
    paths.home.mkdir()
    assert read_record(paths) is None
    write_record(paths, RECORD)
    assert read_record(paths) == RECORD
    assert mode(paths.record_file) == 0o600
    assert [file.name for file in paths.home.iterdir()] == ["instance.json"]


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"ports": {"http": 1}, "head": null}'])
def test_a_damaged_record_is_one_clear_error(paths: InstancePaths, text: str) -> None:
    paths.home.mkdir()
    paths.record_file.write_text(text)
    with pytest.raises(ClusterError, match=r"instance\.json") as caught:
        read_record(paths)
    assert "hyper-registry down" in caught.value.remedy


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("10.1.2.3", "http://10.1.2.3:8000"),
    ],
)
def test_urls(host: str, url: str) -> None:
    record = InstanceRecord(RECORD.ports, http_host=host, node_ip="127.0.0.2")
    assert record.api_url == url
    assert record.dashboard_url == "http://127.0.0.1:2"
    assert record.ray_address == "127.0.0.2:1"
