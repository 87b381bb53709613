"""Texts of shards for tests, and a search that looks at every row."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa

from index.attributes import AttributeColumns, write_attributes
from index.text_analysis import STOP_WORDS, analyse, chunks_of, stem
from index.text_clauses import Role
from index.text_scoring import MOST_IMPACT, TextScoring
from index.text_search import ShardText
from index.text_writer import write_text


def text_table(rows):
    """A table of titles, tags and descriptions."""
    strings = pa.string()
    return pa.table(
        {
            "title": pa.array([row[0] for row in rows], strings),
            "tags": pa.array([list(row[1]) for row in rows], pa.list_(strings)),
            "description": pa.array([row[2] for row in rows], strings),
        }
    )


def open_text(directory: Path, rows, *, keys=None, batch_rows=7, categories=None):
    """Write rows (title, tags, description) in batches, and open them."""
    table = text_table(rows)
    batches = [table.slice(at, batch_rows) for at in range(0, len(rows), batch_rows)]
    record = write_text(batches, directory)
    plain = {
        "category": categories or ["library"] * len(rows),
        "status": ["active"] * len(rows),
        "owner": [None] * len(rows),
        "compliance_status": ["unknown"] * len(rows),
    }
    columns = {name: pa.array(values, pa.string()) for name, values in plain.items()}
    readers = pa.array([["*"]] * len(rows), pa.list_(pa.string()))
    attributes = pa.table({**columns, "tags": table["tags"], "readers": readers})
    write_attributes(attributes, directory / "attributes.arrow")
    entry_keys = np.arange(len(rows)) if keys is None else np.array(keys, np.int64)
    return ShardText(
        directory,
        record,
        entry_keys,
        AttributeColumns(directory / "attributes.arrow", len(rows)),
    )


def row_terms(row, scoring=None):
    """Each term of a row with its impact, by the textbook."""
    scoring = scoring or TextScoring()
    title, tags, description = row
    frequencies: dict[str, float] = defaultdict(float)
    fields = (title or "", " ".join(tags), description or "")
    for field, text in enumerate(fields):
        words = [word for chunk in chunks_of(text) for word in analyse(chunk).indexed]
        if field == 2:
            words = [word for word in words if word not in STOP_WORDS]
        effect = scoring.length_effects[field]
        share = 1 - effect + effect * max(1, len(words) / scoring.typical_lengths[field])
        for word in words:
            frequencies[stem(word)] += scoring.weights[field] / share
    return {
        term: max(1, round(MOST_IMPACT * value / (scoring.saturation + value))) / MOST_IMPACT
        for term, value in frequencies.items()
    }


def brute_force(rows, clauses, permitted, *, relaxed):
    """Scores of the rows with all words, and of those with some."""
    with_all, with_some = {}, {}
    wanted = [clause for clause in clauses if clause.role is not Role.EXCLUDED]
    for number, row in enumerate(rows):
        impacts = row_terms(row)
        values = {
            clause: max(
                (
                    impacts[term] * weight
                    for term, weight in zip(clause.terms, clause.weights, strict=True)
                    if term in impacts
                ),
                default=0.0,
            )
            for clause in clauses
        }
        if not permitted[number] or any(
            values[clause] for clause in clauses if clause.role is Role.EXCLUDED
        ):
            continue
        if any(not values[clause] for clause in wanted if clause.role is Role.REQUIRED):
            continue
        score = sum(values[clause] for clause in wanted)
        if not score:
            continue
        if all(values[clause] for clause in wanted):
            with_all[number] = score
        elif relaxed:
            with_some[number] = score
    return with_all, with_some
