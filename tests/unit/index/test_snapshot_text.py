import json
from math import log

import numpy as np
import pytest

from index.attributes import AttributeFilter
from index.errors import IndexFormatError, IndexInputError, IndexQueryError
from index.manifest import ShardManifest
from index.query_syntax import parse_query
from index.query_terms import weighted_clauses
from index.shard import Shard
from index.shard_writer import build_shard
from index.snapshot import Snapshot
from index.text_analysis import ANALYSIS_VERSION
from index.text_clauses import Role
from tests.unit.index.shard_tables import MODEL, clustered_vectors, publish, shard_table

IDENTITY = {"shard_number": 0, "shard_count": 1, "model_id": MODEL, "snapshot_xid": 5}
EVERYTHING = AttributeFilter()
ROWS = [
    (11, "Ray Serve", "Scalable model serving", ["ml"], ["*"]),
    (3, "scikit-learn", "Machine learning in Python", ["ml", "python"], ["*"]),
    (7, "tensorflow", "Automated differentiation", ["ml"], ["team"]),
    (5, "Kubernetes", "Automation of containers", [], ["*"]),
    (2, None, None, ["ray"], ["*"]),
    (9, "Billing", "Serves invoices, not models", [], ["*"]),
]


def text_shard_table(rows):
    keys, titles, descriptions, tags, readers = map(list, zip(*rows, strict=True))
    columns = {"entry_key": keys, "tags": tags, "readers": readers}
    table = shard_table(clustered_vectors(len(rows)), columns)
    return table.append_column("title", [titles]).append_column("description", [descriptions])


@pytest.fixture(params=[1, 2, 3], ids=lambda count: f"{count} shards")
def snapshot(tmp_path, request):
    count = request.param
    tables = [text_shard_table(ROWS[number::count]) for number in range(count)]
    opened = Snapshot.open(publish(tmp_path / "v1", tables), verify=True)
    opened.warm_up()
    return opened


def keys(hits):
    return hits.entry_keys.tolist()


@pytest.mark.parametrize(
    ("text", "with_all", "with_some"),
    [
        ("serving models", [11, 9], []),
        ("ray serve", [11], [2, 9]),
        ("+ray serve", [11], [2]),
        ("serve -invoices", [11], []),
        ('"model serving"', [11, 9], []),
        ("scikitlearn ScikitLearn", [3], []),
        ("automation", [7, 5], []),
        ("automat*", [7, 5], []),
        ("tensrflow", [7], []),
        ("kubernets", [5], []),
        ("ml", [3, 7, 11], []),
        ("absentword ray", [], [2, 11]),
    ],
)
def test_rows_found_by_a_query(snapshot, text, with_all, with_some):
    found = snapshot.search_text(parse_query(text), 10, EVERYTHING)
    assert sorted(keys(found.with_all)) == sorted(with_all)
    assert sorted(keys(found.with_some)) == sorted(with_some)
    assert found.with_all.total == len(with_all)
    assert (np.diff(found.with_all.scores) <= 0).all()


def test_shards_weigh_words_alike(snapshot):
    found = snapshot.search_text(parse_query("ray ml"), 10, EVERYTHING)
    vocabularies = [shard.searchable_text.vocabulary for shard in snapshot.shards]
    ray, ml = weighted_clauses(parse_query("ray ml"), vocabularies, 6)
    assert ray.weights == (log(1 + 4.5 / 2.5),)
    assert ml.weights == (log(1 + 3.5 / 3.5),)
    assert keys(found.with_all) == [11]


def test_filter_facets_and_changed_entries(snapshot):
    where = AttributeFilter(readers=("other",))
    query = parse_query("ml")
    found = snapshot.search_text(query, 1, where, facets=("tags", "category", "owner")).with_all
    assert found.total == 2
    assert found.facets == {
        "tags": {"ml": 2, "python": 1},
        "category": {"library": 2},
        "owner": {},
    }
    without = np.array([3, 4, 1_000], np.int64)
    rest = snapshot.search_text(query, 5, EVERYTHING, without=without).with_all
    assert sorted(keys(rest)) == [7, 11]
    nothing = AttributeFilter(category=())
    assert snapshot.search_text(query, 5, nothing).with_all.total == 0


def test_what_cannot_be_asked_is_refused(snapshot):
    query = parse_query("ml")
    with pytest.raises(IndexQueryError, match="'readers' is none of category"):
        snapshot.search_text(query, 5, EVERYTHING, facets=("readers",))
    with pytest.raises(IndexQueryError, match="k: is 0"):
        snapshot.search_text(query, 0, EVERYTHING)


def test_misspelt_words_count_less_and_known_ones_stand(snapshot):
    vocabularies = [shard.searchable_text.vocabulary for shard in snapshot.shards]
    (clause,) = weighted_clauses(parse_query("kubernets"), vocabularies, 6)
    assert clause.terms == ("kubernet",)
    (right,) = weighted_clauses(parse_query("kubernetes"), vocabularies, 6)
    assert right.weights == (log(1 + 5.5 / 1.5),)


def test_same_words_count_once_and_the_stricter_role_holds(snapshot):
    vocabularies = [shard.searchable_text.vocabulary for shard in snapshot.shards]
    clauses = weighted_clauses(parse_query("serve serving +serves"), vocabularies, 6)
    assert [(clause.terms, clause.role) for clause in clauses] == [(("serv",), Role.REQUIRED)]
    found = snapshot.search_text(parse_query("ml +ray -ray"), 5, EVERYTHING)
    assert (found.with_all.total, found.with_some.total) == (0, 0)


def test_version_without_texts_searches_vectors_and_refuses_words(tmp_path):
    snapshot = Snapshot.open(publish(tmp_path / "v1", [shard_table(clustered_vectors(5))]))
    snapshot.warm_up()
    assert not snapshot.has_text
    assert snapshot.search(np.ones(384), 3, EVERYTHING).entry_keys.shape == (3,)
    with pytest.raises(IndexFormatError, match="holds no text: build the index anew"):
        snapshot.search_text(parse_query("ray"), 3, EVERYTHING)


def test_manifest_describes_the_text(tmp_path):
    manifest = build_shard(text_shard_table(ROWS), tmp_path / "shard", **IDENTITY)
    assert ShardManifest.read(tmp_path / "shard" / "manifest.json") == manifest
    assert manifest.text is not None
    assert manifest.text.analysis_version == ANALYSIS_VERSION
    assert manifest.text.field_words["tags"] == 5
    again = build_shard(text_shard_table(ROWS), tmp_path / "shard", **IDENTITY)
    assert again.files == manifest.files
    plain = build_shard(shard_table(clustered_vectors(3)), tmp_path / "shard", **IDENTITY)
    assert plain.text is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"analysis_version": "0+older"}, "build the index anew"),
        ({"posting_count": 7}, "posting"),
        ({"word_count": 7}, "expected \\(8,\\)"),
        ({"saturation": "much"}, "saturation is 'much'"),
        ({"fields": {}}, "an object of title, tags, description"),
    ],
)
def test_text_that_is_not_what_the_manifest_says_is_refused(tmp_path, change, reason):
    build_shard(text_shard_table(ROWS), tmp_path / "shard", **IDENTITY)
    path = tmp_path / "shard" / "manifest.json"
    values = json.loads(path.read_text())
    values["text"] |= change
    path.write_text(json.dumps(values))
    with pytest.raises(IndexFormatError, match=reason):
        Shard.open(tmp_path / "shard")


def test_missing_text_file_is_refused(tmp_path):
    build_shard(text_shard_table(ROWS), tmp_path / "shard", **IDENTITY)
    path = tmp_path / "shard" / "manifest.json"
    values = json.loads(path.read_text())
    del values["files"]["text.words.npy"]
    path.write_text(json.dumps(values))
    with pytest.raises(IndexFormatError, match=r"lists no text\.words\.npy"):
        Shard.open(tmp_path / "shard")


def test_shards_with_and_without_texts_are_no_version(tmp_path):
    tables = [
        text_shard_table(ROWS[:3]),
        shard_table(clustered_vectors(2), {"entry_key": [20, 21]}),
    ]
    with pytest.raises(IndexFormatError, match="text is scored by None"):
        publish(tmp_path / "v1", tables)


def test_title_without_description_is_refused(tmp_path):
    table = text_shard_table(ROWS).drop_columns("description")
    with pytest.raises(IndexInputError, match="description: the table has 0 columns"):
        build_shard(table, tmp_path / "shard", **IDENTITY)
