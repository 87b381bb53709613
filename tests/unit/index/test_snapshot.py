import json

import numpy as np
import pytest

from index.attributes import AttributeFilter
from index.candidates import merge_candidates
from index.errors import IndexFormatError, IndexQueryError
from index.shard_writer import build_shard, shard_directory
from index.snapshot import Snapshot
from index.snapshot_writer import write_snapshot_manifest
from tests.unit.index.shard_tables import MODEL, clustered_vectors, publish, shard_table

VECTORS = clustered_vectors(900, clusters=10)
EVERYTHING = AttributeFilter()


def part_table(number, count=3):
    keys = list(range(number, len(VECTORS), count))
    return shard_table(VECTORS[keys], {"entry_key": keys})


@pytest.fixture
def version(tmp_path):
    # The first shard holds codes to scan, the others are flat.
    directory = tmp_path / "v1"
    keys = list(range(700))
    tables = [
        shard_table(VECTORS[keys], {"entry_key": keys}),
        shard_table(VECTORS[700:800], {"entry_key": range(700, 800)}),
        shard_table(VECTORS[800:], {"entry_key": range(800, 900)}),
    ]
    return publish(directory, tables, flat_below=500)


def test_properties_come_from_the_manifest(version):
    snapshot = Snapshot.open(version, model_id=MODEL, verify=True)
    assert (snapshot.version, snapshot.uri) == ("v1", version.as_uri())
    assert (snapshot.snapshot_xid, snapshot.model_id) == (77, MODEL)
    assert (snapshot.row_count, snapshot.dimension) == (900, 384)
    files = [path for path in version.rglob("*") if path.is_file() and path.suffix != ".json"]
    assert snapshot.size_bytes == sum(path.stat().st_size for path in files)
    kinds = [shard.manifest.vector_kind.value for shard in snapshot.shards]
    assert kinds == ["pq4fs", "flat", "flat"]
    snapshot.warm_up()


def test_shards_of_both_kinds_merge_to_the_brute_force_answer(version):
    snapshot = Snapshot.open(version)
    for query in VECTORS[::90]:
        found = snapshot.search(query, 12, EVERYTHING)
        scores = VECTORS @ query
        # Rounding to float16 may swap neighbours at the border, so scores are compared.
        np.testing.assert_allclose(found.scores, scores[found.entry_keys], atol=2e-4)
        np.testing.assert_allclose(found.scores, np.sort(scores)[:-13:-1], atol=2e-4)
        assert len(set(found.entry_keys.tolist())) == 12
        assert found.permitted_rows == 900
        assert not found.complete


def test_more_hits_than_rows_gives_all_rows(version):
    found = Snapshot.open(version).search(VECTORS[0], 5_000, EVERYTHING)
    assert sorted(found.entry_keys.tolist()) == list(range(900))
    assert found.complete
    assert found.entry_keys[0] == 0
    assert found.scores[0] == pytest.approx(1, abs=1e-3)


def test_query_need_not_be_normalised(version):
    snapshot = Snapshot.open(version)
    one = snapshot.search(VECTORS[5], 5, EVERYTHING)
    other = snapshot.search(VECTORS[5] * 250, 5, EVERYTHING)
    assert one.entry_keys.tolist() == other.entry_keys.tolist()
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-6)


@pytest.mark.parametrize(
    ("query", "k", "field"),
    [
        (np.ones(383, np.float32), 10, "query"),
        (np.zeros(384, np.float32), 10, "query"),
        (np.full(384, np.nan, np.float32), 10, "query"),
        (np.ones(384, np.float32), 0, "k"),
    ],
)
def test_query_without_answer_is_refused(version, query, k, field):
    with pytest.raises(IndexQueryError) as caught:
        Snapshot.open(version).search(query, k, EVERYTHING)
    assert caught.value.field == field


def test_opened_version_outlives_its_directory(version):
    snapshot = Snapshot.open(version)
    for path in sorted(version.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert snapshot.search(VECTORS[850], 1, EVERYTHING).entry_keys.tolist() == [850]


def test_version_of_another_model_is_refused(version):
    with pytest.raises(IndexFormatError, match="cannot be compared"):
        Snapshot.open(version, model_id="other@2")


@pytest.mark.parametrize(
    "name",
    [
        "entry_keys.npy",
        "attributes.arrow",
        "vectors.f16.npy",
        "vectors.i8.npy",
        "vectors.scales.npy",
        "vectors.pq4fs.faiss",
    ],
)
def test_file_cut_short_changed_or_missing_is_refused_by_name(version, name):
    path = version / "shard-00000" / name
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(IndexFormatError, match=f"{name}: has {len(content) - 1} bytes"):
        Snapshot.open(version)
    path.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    with pytest.raises(IndexFormatError, match=f"{name}: its checksum is not"):
        Snapshot.open(version, verify=True)
    path.unlink()
    with pytest.raises(IndexFormatError, match=f"{name}: cannot be read: No such file"):
        Snapshot.open(version)


@pytest.mark.parametrize("name", ["entry_keys.npy", "vectors.i8.npy", "vectors.pq4fs.faiss"])
def test_file_of_the_right_size_but_no_sense_is_refused_unverified(version, name):
    path = version / "shard-00000" / name
    path.write_bytes(b"\0" * path.stat().st_size)
    with pytest.raises(IndexFormatError, match=f"{name}: .*read"):
        Snapshot.open(version)


def test_array_of_another_shape_is_refused_unverified(version):
    path = version / "shard-00001" / "vectors.f16.npy"
    np.save(path, np.zeros((384, 100), np.float16))
    with pytest.raises(
        IndexFormatError, match=r"holds \(384, 100\) float16, expected \(100, 384\)"
    ):
        Snapshot.open(version)


def test_unpublished_version_is_refused(version):
    (version / "snapshot.json").unlink()
    with pytest.raises(IndexFormatError, match=r"snapshot\.json: there is no manifest"):
        Snapshot.open(version)


def test_other_format_version_is_refused(version):
    path = version / "snapshot.json"
    path.write_text(path.read_text().replace('"format_version": 1', '"format_version": 2'))
    with pytest.raises(IndexFormatError, match="format version is 2"):
        Snapshot.open(version)


def test_shard_manifest_that_was_changed_after_publishing_is_refused(version):
    path = version / "shard-00001" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"snapshot_xid": 78}))
    with pytest.raises(IndexFormatError, match="not the manifest that the version was published"):
        Snapshot.open(version)


def test_manifest_without_a_needed_file_is_refused(version):
    path = version / "shard-00001" / "manifest.json"
    values = json.loads(path.read_text())
    del values["files"]["entry_keys.npy"]
    path.write_text(json.dumps(values))
    with pytest.raises(IndexFormatError, match=r"lists no entry_keys\.npy"):
        Snapshot.open(version)


def test_publishing_again_changes_nothing_but_another_name_is_refused(version):
    before = (version / "snapshot.json").read_bytes()
    assert write_snapshot_manifest(version).version == "v1"
    assert (version / "snapshot.json").read_bytes() == before
    with pytest.raises(IndexFormatError, match="is published as 'v1', not 'v2'"):
        write_snapshot_manifest(version, version="v2")


def test_incomplete_version_is_not_published(tmp_path):
    build_shard(
        part_table(0),
        shard_directory(tmp_path, 0),
        shard_number=0,
        shard_count=2,
        model_id=MODEL,
        snapshot_xid=1,
    )
    with pytest.raises(IndexFormatError, match=r"shard-00001.*there is no manifest"):
        write_snapshot_manifest(tmp_path)
    assert not (tmp_path / "snapshot.json").exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model_id": "other@2"}, "model_id is 'other@2', shard 0 has"),
        ({"snapshot_xid": 2}, "snapshot_xid is 2, shard 0 has 1"),
        ({"shard_count": 3}, "shard_count is 3, shard 0 has 2"),
        ({"shard_number": 0}, "says it is shard 0, expected 1"),
    ],
)
def test_shards_that_do_not_belong_together_are_not_published(tmp_path, change, reason):
    settings = {"shard_count": 2, "model_id": MODEL, "snapshot_xid": 1}
    build_shard(part_table(0), shard_directory(tmp_path, 0), shard_number=0, **settings)
    settings |= {"shard_number": 1, **change}
    build_shard(part_table(1), shard_directory(tmp_path, 1), **settings)
    with pytest.raises(IndexFormatError, match=reason):
        write_snapshot_manifest(tmp_path)


def test_key_in_two_shards_is_not_published(tmp_path):
    with pytest.raises(IndexFormatError, match="shard-00001: key 0 is also in shard-00000"):
        publish(tmp_path / "v1", [part_table(0), part_table(0)])


def test_publishing_removes_what_killed_builds_left(tmp_path):
    abandoned = tmp_path / "v1" / ".shard-00000.building-00ff"
    abandoned.mkdir(parents=True)
    (abandoned / "entry_keys.npy").write_bytes(b"half")
    version = publish(tmp_path / "v1", [part_table(0)])
    assert sorted(path.name for path in version.iterdir()) == ["shard-00000", "snapshot.json"]


def test_merging_no_answers_gives_none():
    merged = merge_candidates([], 10)
    assert (merged.entry_keys.tolist(), merged.strategy, merged.complete) == ([], "none", True)


def test_merging_orders_by_score_then_key_and_joins_strategies(version):
    snapshot = Snapshot.open(version)
    parts = [shard.search(VECTORS[0], 7, EVERYTHING) for shard in snapshot.shards]
    merged = merge_candidates(parts[::-1], 7)
    assert (
        merged.entry_keys.tolist() == snapshot.search(VECTORS[0], 7, EVERYTHING).entry_keys.tolist()
    )
    assert merged.strategy == "exact"
    assert merged.permitted_rows == 900
