from pathlib import Path

import pytest

from hyper_registry.domain.errors.input import SourceUnavailableError
from hyper_registry.search.judged_corpus import Document, JudgedQuery, read_corpus
from tests.support.evaluation_data import evaluation_folder

CORPUS = """\
{"_id": "a", "title": "A", "text": "First.", "keywords": "one, two", "metadata": {"n": 1}}
{"_id": 2, "title": null, "text": "Second."}

"""
QUERIES = """\
{"_id": "q2", "text": "second?"}
{"_id": "q1", "text": "first?"}
{"_id": "q3", "text": "what nobody judged"}
{"_id": "q4", "text": "what has nothing relevant"}
"""
QRELS = "query-id\tcorpus-id\tscore\nq1\ta\t2\nq1\t2\t0\nq2\t2\t1\nq4\ta\t0\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "corpus.jsonl").write_text(CORPUS)
    (tmp_path / "queries.jsonl").write_text(QUERIES)
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text(QRELS)
    return tmp_path


def test_documents_queries_and_judgments_are_read(folder: Path):
    corpus = read_corpus(folder)
    assert corpus.name == folder.name
    assert corpus.documents == (Document("a", "A", "First. one, two"), Document("2", "", "Second."))
    assert corpus.queries == (
        JudgedQuery("q1", "first?", {"a": 2}),
        JudgedQuery("q2", "second?", {"2": 1}),
    )


def test_judgments_may_be_in_one_file_and_ids_in_id(folder: Path):
    (folder / "qrels" / "test.tsv").rename(folder / "qrels.tsv")
    for name in ("corpus.jsonl", "queries.jsonl"):
        file = folder / name
        file.write_text(file.read_text().replace("_id", "id"))
    assert [query.query_id for query in read_corpus(folder).queries] == ["q1", "q2"]


def test_judgments_of_several_files_add_up(folder: Path):
    (folder / "qrels" / "dev.tsv").write_text("q3\t2\t1\n")
    assert [query.query_id for query in read_corpus(folder).queries] == ["q1", "q2", "q3"]


@pytest.mark.parametrize(
    ("file", "content", "named"),
    [
        ("corpus.jsonl", None, "corpus.jsonl"),
        ("queries.jsonl", None, "queries.jsonl"),
        ("qrels/test.tsv", None, "qrels.tsv"),
        ("corpus.jsonl", '{"_id": "a"}\n{"_id": ', "corpus.jsonl:2: is no JSON"),
        ("corpus.jsonl", "[]", "corpus.jsonl:1: is no JSON object"),
        ("corpus.jsonl", '{"text": "x"}', "corpus.jsonl:1: has no id"),
        ("corpus.jsonl", '{"_id": "a", "text": 7}', "has a text that is no text"),
        ("corpus.jsonl", '{"_id": "a"}\n{"_id": "a"}', "corpus.jsonl:2: repeats the id 'a'"),
        ("queries.jsonl", QUERIES + QUERIES, "queries.jsonl:5: repeats the id 'q2'"),
        ("queries.jsonl", "", "no query with a relevant document"),
        ("qrels/test.tsv", "q1\ta\n", "test.tsv:1: is not a query"),
        ("qrels/test.tsv", "q1\ta\t1\nq1\t2\tgood\n", "test.tsv:2: has no grade but 'good'"),
        ("qrels/test.tsv", "q1\tz\t1\n", "test.tsv:1: judges no document, 'z'"),
        ("corpus.jsonl", b'{"_id": "\xff"}', "corpus.jsonl"),
    ],
)
def test_what_cannot_be_understood_is_named(
    folder: Path, file: str, content: str | bytes | None, named: str
):
    path = folder / file
    if content is None:
        path.unlink()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content)
    with pytest.raises(SourceUnavailableError) as raised:
        read_corpus(folder)
    assert named in str(raised.value)
    assert raised.value.remedy


def test_a_sample_is_always_the_same_part(folder: Path):
    corpus = read_corpus(folder)
    assert corpus.sample(2) is corpus
    (drawn,) = corpus.sample(1).queries
    assert drawn in corpus.queries
    assert corpus.sample(1).queries == (drawn,)
    assert corpus.sample(1).documents == corpus.documents


@pytest.mark.parametrize(
    ("name", "documents", "queries"),
    [("cisi", 1460, 76), ("bfcl_curated", 829, 1000), ("sealtools", 4076, 1400)],
)
def test_published_sets_are_read_in_full(name: str, documents: int, queries: int):
    corpus = read_corpus(evaluation_folder(f"search_{name}"))
    assert (len(corpus.documents), len(corpus.queries)) == (documents, queries)
