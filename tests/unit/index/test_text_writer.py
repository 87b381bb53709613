import numpy as np
import pytest

from index.posting_runs import PostingRuns
from index.text_analysis import ANALYSIS_VERSION
from index.text_writer import TEXT_FILES, write_text
from tests.unit.index.text_shards import open_text, text_table

ROWS = [
    ("Ray Serve", ("serving", "the"), "The quick serving of models"),
    ("the", (), None),
    (None, ("python3",), "Python, pythons and a snake_case"),
]


def test_record_and_files_say_what_was_written(tmp_path):
    record = write_text([text_table(ROWS)], tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == TEXT_FILES
    assert record.analysis_version == ANALYSIS_VERSION
    assert record.field_words == {"title": 3, "tags": 4, "description": 8}
    # Row 0: ray serv the quick model; row 1: the; row 2: python python3 snake case snakecas.
    assert record.posting_count == 5 + 1 + 5


def test_batches_of_any_size_give_the_same_files(tmp_path):
    rows = [(f"entry {number}", ("ray",), f"number {number * 7 % 13}") for number in range(50)]
    written = []
    for size in (50, 7, 1):
        directory = tmp_path / str(size)
        directory.mkdir()
        table = text_table(rows)
        record = write_text([table.slice(at, size) for at in range(0, 50, size)], directory)
        written.append((record, {path.name: path.read_bytes() for path in directory.iterdir()}))
    assert written[0] == written[1] == written[2]


def test_stop_words_are_in_titles_and_tags_only(tmp_path):
    text = open_text(tmp_path, ROWS)
    assert text.vocabulary.frequency("the") == 2
    assert text.vocabulary.frequency("of") == 0
    assert text.vocabulary.frequency("and") == 0


@pytest.mark.parametrize("most_in_memory", [1, 10, 1_000_000])
def test_postings_are_sorted_whatever_fits_in_memory(tmp_path, most_in_memory):
    random = np.random.default_rng(most_in_memory)
    temporary = tmp_path / "runs"
    temporary.mkdir()
    runs = PostingRuns(temporary, most_in_memory)
    postings = []
    for row in range(200):
        terms = random.choice(30, random.integers(0, 10), replace=False).astype(np.int32)
        impacts = random.integers(1, 65_536, len(terms)).astype(np.uint16)
        runs.append(terms, np.full(len(terms), row, np.int32), impacts)
        postings += [(int(t), row, int(i)) for t, i in zip(terms, impacts, strict=True)]
    order = random.permutation(31)
    paths = [tmp_path / name for name in ("offsets.npy", "rows.npy", "impacts.npy")]
    assert runs.write(order, *paths) == len(postings)
    offsets, rows, impacts = (np.load(path, allow_pickle=False) for path in paths)
    for place, term in enumerate(order):
        mine = slice(offsets[place], offsets[place + 1])
        found = list(zip(rows[mine].tolist(), impacts[mine].tolist(), strict=True))
        assert found == [(row, impact) for t, row, impact in postings if t == term]
