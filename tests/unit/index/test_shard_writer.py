import resource
from contextlib import contextmanager

import numpy as np
import pytest

from index.attributes import AttributeFilter
from index.errors import IndexBuildRefusedError, IndexFormatError, IndexInputError
from index.manifest import ShardManifest, VectorKind
from index.shard import Shard
from index.shard_writer import build_shard, shard_directory
from tests.unit.index.shard_tables import MODEL, clustered_vectors, publish, shard_table

IDENTITY = {"shard_number": 0, "shard_count": 1, "model_id": MODEL, "snapshot_xid": 5}
EVERYTHING = AttributeFilter()


@contextmanager
def files_limited_to(size_bytes):
    """Files cannot grow beyond a size, which fails writes as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_manifest_says_what_was_built(tmp_path):
    directory = shard_directory(tmp_path, 0)
    manifest = build_shard(shard_table(clustered_vectors(30)), directory, **IDENTITY)
    assert directory.name == "shard-00000"
    assert ShardManifest.read(directory / "manifest.json") == manifest
    assert (manifest.row_count, manifest.dimension) == (30, 384)
    assert (manifest.model_id, manifest.snapshot_xid) == (MODEL, 5)
    assert manifest.vector_kind is VectorKind.FLAT
    assert manifest.built_at.tzinfo is not None
    written = {path.name: path.stat().st_size for path in directory.iterdir()}
    written.pop("manifest.json")
    assert written == {name: record.size_bytes for name, record in manifest.files.items()}


def test_stored_rows_are_the_vectors_in_key_order(tmp_path):
    vectors = clustered_vectors(10)
    keys = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    build_shard(shard_table(vectors, {"entry_key": keys}), tmp_path / "shard", **IDENTITY)
    stored = np.load(tmp_path / "shard" / "vectors.f16.npy", allow_pickle=False)
    assert stored.dtype == np.float16
    np.testing.assert_allclose(stored, vectors[::-1], atol=2e-4)
    stored_keys = np.load(tmp_path / "shard" / "entry_keys.npy", allow_pickle=False)
    assert stored_keys.tolist() == sorted(keys)


def test_int8_rows_and_scales_give_the_vectors_back(tmp_path):
    vectors = clustered_vectors(700)
    # One outlier, which must not coarsen the other rows.
    vectors[13] = np.eye(1, 384, dtype=np.float32)[0]
    manifest = build_shard(shard_table(vectors), tmp_path / "shard", **IDENTITY, flat_below=0)
    assert manifest.vector_kind is VectorKind.FAST_SCAN
    steps = np.load(tmp_path / "shard" / "vectors.i8.npy", allow_pickle=False)
    scales = np.load(tmp_path / "shard" / "vectors.scales.npy", allow_pickle=False)
    assert np.abs(steps).max(axis=1).tolist() == [127] * 700
    errors = np.abs(steps * scales[:, None] - vectors)
    assert (errors.max(axis=1) <= np.abs(vectors).max(axis=1) / 254 + 1e-6).all()


def test_the_same_rows_give_the_same_files_over_an_earlier_build(tmp_path):
    table = shard_table(clustered_vectors(700))
    first = build_shard(table, tmp_path / "shard", **IDENTITY, flat_below=0)
    again = build_shard(table, tmp_path / "shard", **IDENTITY, flat_below=0)
    assert again.files == first.files
    flat = build_shard(table, tmp_path / "shard", **IDENTITY)
    assert flat.files.keys() < first.files.keys()
    assert Shard.open(tmp_path / "shard", verify=True).manifest == flat
    assert [path.name for path in tmp_path.iterdir()] == ["shard"]


def test_shard_too_small_to_train_the_scan_is_flat(tmp_path):
    table = shard_table(clustered_vectors(100))
    manifest = build_shard(table, tmp_path / "shard", **IDENTITY, flat_below=0)
    assert manifest.vector_kind is VectorKind.FLAT


def test_scan_whose_codes_do_not_fit_the_dimension_is_refused(tmp_path):
    table = shard_table(clustered_vectors(700, 6))
    with pytest.raises(IndexInputError, match="6 components do not divide by 4"):
        build_shard(table, tmp_path / "shard", **IDENTITY, dimension=6, flat_below=0)
    assert list(tmp_path.iterdir()) == []


def test_empty_shard_opens_and_finds_nothing(tmp_path):
    table = shard_table(np.empty((0, 384), np.float32))
    manifest = build_shard(table, tmp_path / "shard", **IDENTITY, flat_below=0)
    assert manifest.row_count == 0
    shard = Shard.open(tmp_path / "shard", verify=True)
    query = np.ones(384, np.float32)
    for where in (EVERYTHING, AttributeFilter(readers=("x",), tags_all=("y",), owner=("z",))):
        found = shard.search(query, 10, where)
        assert (found.entry_keys.tolist(), found.scores.tolist()) == ([], [])
        assert (found.strategy, found.permitted_rows, found.complete) == ("none", 0, True)


@pytest.mark.parametrize("size_bytes", [64, 1_000, 100_000, 600_000])
def test_full_disk_leaves_nothing_behind(tmp_path, size_bytes):
    table = shard_table(clustered_vectors(1_000))
    with files_limited_to(size_bytes), pytest.raises(OSError, match=r".") as caught:
        build_shard(table, tmp_path / "shard", **IDENTITY, flat_below=0)
    assert not isinstance(caught.value, IndexFormatError)
    assert list(tmp_path.iterdir()) == []


def test_interrupted_build_is_no_shard(tmp_path):
    build_shard(shard_table(clustered_vectors(5)), tmp_path / "shard", **IDENTITY)
    (tmp_path / "shard" / "manifest.json").unlink()
    with pytest.raises(IndexFormatError, match="the build did not finish"):
        Shard.open(tmp_path / "shard")
    build_shard(shard_table(clustered_vectors(6)), tmp_path / "shard", **IDENTITY)
    assert Shard.open(tmp_path / "shard").manifest.row_count == 6


def test_published_version_is_not_changed(tmp_path):
    table = shard_table(clustered_vectors(5))
    version = publish(tmp_path / "v1", [table])
    with pytest.raises(IndexBuildRefusedError, match="is published and must not change"):
        build_shard(table, shard_directory(version, 0), **IDENTITY)


def test_directory_of_something_else_is_not_replaced(tmp_path):
    table = shard_table(clustered_vectors(5))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letters.txt").write_text("dear")
    with pytest.raises(IndexBuildRefusedError, match=r"letters\.txt"):
        build_shard(table, tmp_path / "home", **IDENTITY)
    with pytest.raises(IndexBuildRefusedError, match="is a file"):
        build_shard(table, tmp_path / "home" / "letters.txt", **IDENTITY)
    assert (tmp_path / "home" / "letters.txt").read_text() == "dear"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"shard_number": 1}, "shard_number"),
        ({"shard_number": -1}, "shard_number"),
        ({"shard_count": 0}, "shard_number"),
        ({"model_id": ""}, "model_id"),
        ({"snapshot_xid": -1}, "snapshot_xid"),
    ],
)
def test_identity_out_of_range_is_refused(tmp_path, change, field):
    with pytest.raises(IndexInputError) as caught:
        build_shard(shard_table(clustered_vectors(2)), tmp_path / "s", **(IDENTITY | change))
    assert caught.value.column == field
    assert list(tmp_path.iterdir()) == []
