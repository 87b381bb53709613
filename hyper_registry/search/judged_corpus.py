"""Documents, queries and relevance judgments in the layout of BEIR."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from hyper_registry.domain.errors.input import SourceUnavailableError

_ID_NAMES = ("_id", "id")
_OWN_FIELDS = frozenset({*_ID_NAMES, "title", "text"})
_COLUMNS = 3
_SEED = 7


@dataclass(frozen=True, slots=True)
class Document:
    """What is searched for."""

    document_id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query, and the grades above 0 of the documents relevant to it."""

    query_id: str
    text: str
    relevant: dict[str, int]


@dataclass(frozen=True, slots=True)
class JudgedCorpus:
    """Documents and the queries that are judged, by id."""

    name: str
    documents: tuple[Document, ...]
    queries: tuple[JudgedQuery, ...]

    def sample(self, count: int) -> "JudgedCorpus":
        """Return the corpus with `count` of its queries, always the same ones."""
        if len(self.queries) <= count:
            return self
        drawn = random.Random(_SEED).sample(self.queries, count)  # noqa: S311 (no secret)
        return JudgedCorpus(self.name, self.documents, tuple(drawn))


def read_corpus(directory: Path) -> JudgedCorpus:
    """Read ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/*.tsv``, or ``qrels.tsv``.

    Ids are in ``_id`` or ``id``. Further fields of a document that are text belong to its text.
    Queries without a relevant document are left out: nothing can be said of them.

    Raises
    ------
    SourceUnavailableError
        If a file is missing or a line cannot be understood, which it names, or no query is left.
    """
    documents: dict[str, Document] = {}
    for where, row in _rows(directory / "corpus.jsonl"):
        document = _document(where, row)
        if document.document_id in documents:
            raise _fault(where, f"repeats the id {document.document_id!r}")
        documents[document.document_id] = document
    relevant = _judgments(directory, documents)
    queries: dict[str, JudgedQuery] = {}
    for where, row in _rows(directory / "queries.jsonl"):
        query_id = _id(where, row)
        text = _text(where, row, "text")
        if query_id in queries:
            raise _fault(where, f"repeats the id {query_id!r}")
        if query_id in relevant and text.strip():
            queries[query_id] = JudgedQuery(query_id, text, relevant[query_id])
    if not queries:
        raise _fault(str(directory), "has no query with a relevant document")
    ordered = tuple(queries[query_id] for query_id in sorted(queries))
    return JudgedCorpus(directory.resolve().name, tuple(documents.values()), ordered)


def _document(where: str, row: dict[str, Any]) -> Document:
    further = [
        value
        for name, value in row.items()
        if name not in _OWN_FIELDS and isinstance(value, str) and value
    ]
    text = " ".join([_text(where, row, "text"), *further])
    return Document(_id(where, row), _text(where, row, "title"), text)


def _judgments(directory: Path, documents: dict[str, Document]) -> dict[str, dict[str, int]]:
    files = sorted((directory / "qrels").glob("*.tsv")) or [directory / "qrels.tsv"]
    relevant: dict[str, dict[str, int]] = {}
    for file in files:
        for number, line in enumerate(_lines(file), 1):
            where = f"{file}:{number}"
            row = line.split("\t")
            if len(row) != _COLUMNS:
                raise _fault(where, "is not a query, a document and a grade")
            query_id, document_id, grade = row
            try:
                value = int(grade)
            except ValueError as error:
                if number == 1:
                    continue
                raise _fault(where, f"has no grade but {grade!r}") from error
            if document_id not in documents:
                raise _fault(where, f"judges no document, {document_id!r}")
            if value > 0:
                relevant.setdefault(query_id, {})[document_id] = value
    return relevant


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise _fault(where, f"is no JSON: {error}") from error
        if not isinstance(row, dict):
            raise _fault(where, "is no JSON object")
        yield where, row


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for line in file:
                yield line.rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise _fault(str(path), str(error)) from error


def _fault(where: str, reason: str) -> SourceUnavailableError:
    return SourceUnavailableError(
        where, reason, "Give corpus.jsonl, queries.jsonl and qrels in the layout of BEIR."
    )


def _id(where: str, row: dict[str, Any]) -> str:
    for name in _ID_NAMES:
        if isinstance(row.get(name), str | int):
            return str(row[name])
    raise _fault(where, "has no id")


def _text(where: str, row: dict[str, Any], name: str) -> str:
    value = row.get(name) or ""
    if not isinstance(value, str):
        raise _fault(where, f"has a {name} that is no text")
    return value
