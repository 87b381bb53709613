import json
from datetime import UTC, datetime

import pytest

from index.errors import IndexFormatError
from index.manifest import (
    FileRecord,
    ShardManifest,
    ShardReference,
    SnapshotManifest,
    VectorKind,
)

BUILT_AT = datetime(2025, 3, 4, 5, 6, 7, 89, tzinfo=UTC)
SHARD = ShardManifest(
    shard_number=1,
    shard_count=3,
    row_count=12,
    dimension=384,
    model_id="modèle@1",
    snapshot_xid=2**63 + 5,
    vector_kind=VectorKind.FAST_SCAN,
    files={"a.npy": FileRecord(10, "ab"), "b.npy": FileRecord(32, "cd")},
    built_at=BUILT_AT,
)
SNAPSHOT = SnapshotManifest(
    version="v7",
    dimension=384,
    model_id="m",
    snapshot_xid=9,
    shards=(ShardReference("shard-00000", 5, 70, "ef"), ShardReference("shard-00001", 6, 80, "ff")),
    built_at=BUILT_AT,
)


@pytest.mark.parametrize("manifest", [SHARD, SNAPSHOT], ids=["shard", "snapshot"])
def test_reading_gives_what_was_written(tmp_path, manifest):
    path = tmp_path / "manifest.json"
    path.write_text(manifest.to_json(), encoding="utf-8")
    assert type(manifest).read(path) == manifest


def test_sums_over_files_and_shards():
    assert SHARD.size_bytes == 42
    assert (SNAPSHOT.row_count, SNAPSHOT.size_bytes) == (11, 150)


def test_unknown_keys_of_the_same_format_are_ignored(tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(json.loads(SHARD.to_json()) | {"graph": {"edges": 4}}))
    assert ShardManifest.read(path) == SHARD


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format_version": 2}, "format version is 2, this code reads 1"),
        ({"format_version": "1"}, "format_version is '1'"),
        ({"row_count": -1}, "row_count is -1"),
        ({"row_count": True}, "row_count is True"),
        ({"row_count": 1.5}, "row_count is 1.5"),
        ({"shard_count": 0}, "shard_count is 0"),
        ({"model_id": ""}, "model_id is ''"),
        ({"vector_kind": "hnsw"}, "vector_kind 'hnsw' is not known"),
        ({"built_at": "yesterday"}, "built_at is 'yesterday'"),
        ({"built_at": "2025-03-04T05:06:07"}, "with time zone"),
        ({"files": []}, "files is"),
        ({"files": {"a.npy": 3}}, r"files\.a\.npy"),
        ({"files": {"a.npy": {"size_bytes": 3}}}, "sha256 is None"),
        ({"files": {"../a.npy": {"size_bytes": 3, "sha256": "x"}}}, "not a plain file name"),
        ({"files": {"..": {"size_bytes": 3, "sha256": "x"}}}, "not a plain file name"),
        ({"files": {"": {"size_bytes": 3, "sha256": "x"}}}, "not a plain file name"),
    ],
)
def test_manifest_that_says_something_else_is_refused(tmp_path, change, reason):
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(json.loads(SHARD.to_json()) | change))
    with pytest.raises(IndexFormatError, match=reason) as caught:
        ShardManifest.read(path)
    assert caught.value.path == str(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not JSON"),
        (SHARD.to_json().encode()[:100], "is not JSON"),
        (b"\xff\xfe\x00", "is not JSON"),
        (b"[1]", "is not a JSON object"),
        (b"[" * 100_000, "is not JSON"),
    ],
)
def test_file_that_is_no_manifest_is_refused(tmp_path, content, reason):
    path = tmp_path / "manifest.json"
    path.write_bytes(content)
    with pytest.raises(IndexFormatError, match=reason):
        ShardManifest.read(path)


def test_missing_manifest_and_directory_in_its_place_are_refused(tmp_path):
    with pytest.raises(IndexFormatError, match="the build did not finish"):
        ShardManifest.read(tmp_path / "manifest.json")
    with pytest.raises(IndexFormatError, match="cannot be read"):
        SnapshotManifest.read(tmp_path)
