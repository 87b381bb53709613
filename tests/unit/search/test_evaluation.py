import math
from pathlib import Path

import pytest

from hyper_registry.domain.errors.input import SourceUnavailableError
from hyper_registry.search.evaluation import (
    Loss,
    Quality,
    judge,
    losses,
    mean_quality,
    read_gate,
)

PERFECT = Quality(1, 1, 1, 1)


def test_figures_are_those_computed_by_hand():
    # Gains 0, 3, 0, 1 at ranks 1 to 4; the best order would be 3, 2, 1.
    judged = judge(["x", "a", "y", "c"], {"a": 3, "b": 2, "c": 1})
    ideal = 3 + 2 / math.log2(3) + 1 / 2
    assert judged.ndcg10 == pytest.approx((3 / math.log2(3) + 1 / math.log2(5)) / ideal)
    assert judged.ndcg10 == pytest.approx(0.48793, abs=1e-5)
    assert (judged.recall10, judged.recall100) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert judged.mrr == 1 / 2


def test_ranks_beyond_ten_count_for_recall_and_reciprocal_rank_only():
    ranking = [f"x{n}" for n in range(10)] + ["a"]
    assert judge(ranking, {"a": 1}) == Quality(0, 0, 1, 1 / 11)
    far = [f"x{n}" for n in range(100)] + ["a"]
    assert judge(far, {"a": 1}) == Quality(0, 0, 0, 0)


def test_more_relevant_documents_than_ten_are_no_fault_of_the_first_ten():
    relevant = {f"d{n}": 1 for n in range(40)}
    judged = judge(list(relevant)[:10], relevant)
    assert judged == Quality(1, 0.25, 0.25, 1)


def test_an_empty_ranking_is_worth_nothing_and_an_ideal_one_everything():
    assert judge([], {"a": 1}) == Quality(0, 0, 0, 0)
    assert judge(["a", "b"], {"a": 2, "b": 1}) == PERFECT
    assert judge(["b", "a"], {"a": 2, "b": 1}).ndcg10 < 1


def test_the_mean_is_taken_over_queries():
    mean = mean_quality([PERFECT, Quality(0.5, 0, 0.5, 0.25)])
    assert mean == Quality(0.75, 0.5, 0.75, 0.625)


def test_a_gate_names_what_is_below_it_and_what_was_not_measured(tmp_path: Path):
    file = tmp_path / "gate.json"
    file.write_text('{"hybrid": {"ndcg10": 0.5, "mrr": 0.9}, "other": {"mrr": 0}}')
    found = {"hybrid": Quality(0.5, 1, 1, 0.89), "text": Quality(0, 0, 0, 0)}
    assert losses(found, read_gate(file)) == [
        Loss("hybrid", "mrr", 0.9, 0.89),
        Loss("other", "mrr", 0, None),
    ]
    assert losses(found, {}) == []


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("", "JSON"),
        ("[]", "object"),
        ('{"hybrid": 1}', "hybrid"),
        ('{"hybrid": {"ndcg": 0.5}}', "ndcg10"),
        ('{"hybrid": {"ndcg10": "0.5"}}', "hybrid.ndcg10"),
        ('{"hybrid": {"ndcg10": true}}', "hybrid.ndcg10"),
        ('{"hybrid": {"ndcg10": 70}}', "hybrid.ndcg10"),
    ],
)
def test_a_gate_that_gates_nothing_is_refused(tmp_path: Path, content: str, named: str):
    file = tmp_path / "gate.json"
    file.write_text(content)
    with pytest.raises(SourceUnavailableError, match=named) as raised:
        read_gate(file)
    assert str(file) in str(raised.value)


def test_a_gate_that_is_absent_is_named(tmp_path: Path):
    with pytest.raises(SourceUnavailableError, match=r"absent\.json: No such file"):
        read_gate(tmp_path / "absent.json")
