from datetime import UTC, datetime
from pathlib import Path

from hyper_registry.domain.index_version import IndexVersion, IndexVersionState


def version_at(uri: str) -> IndexVersion:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return IndexVersion(1, IndexVersionState.ACTIVE, uri, 7, "model@1", 3, 1, now, now)


def test_a_file_uri_gives_its_path_back():
    path = Path("/state dir/index/ü")
    assert version_at(path.as_uri()).directory == path


def test_what_is_not_on_a_file_system_has_no_path():
    assert version_at("s3://bucket/index/1").directory is None
