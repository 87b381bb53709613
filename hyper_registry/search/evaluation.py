"""How good a ranking is by relevance judgments, and the figures that it must not fall below."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from hyper_registry.domain.errors.input import SourceUnavailableError

DEPTH = 100
"""Length of the rankings that are judged."""

_TOP = 10
_METRICS = ("ndcg10", "recall10", "recall100", "mrr")

Metric = Literal["ndcg10", "recall10", "recall100", "mrr"]
Gate = dict[str, dict[Metric, Annotated[float, Field(ge=0, le=1, strict=True)]]]
"""Least figures by mode and metric."""

_GATE: TypeAdapter[Gate] = TypeAdapter(Gate)


@dataclass(frozen=True, slots=True)
class Quality:
    """How good rankings are, from 0 to 1.

    Attributes
    ----------
    ndcg10
        Discounted gain of the first ten, as a share of the most that ten could have.
    recall10, recall100
        Share of the relevant documents among the first ten and the first hundred.
    mrr
        One through the rank of the first relevant document; 0 if it is not among the hundred.
    """

    ndcg10: float
    recall10: float
    recall100: float
    mrr: float


@dataclass(frozen=True, slots=True)
class Loss:
    """A figure below its gate."""

    mode: str
    metric: str
    least: float
    found: float | None


def judge(ranking: Sequence[str], relevant: Mapping[str, int]) -> Quality:
    """Judge one ranking.

    Parameters
    ----------
    ranking
        Ids of documents, best first; each at most once.
    relevant
        Grades above 0 by id, at least one.

    Examples
    --------
    >>> judge(["x", "a", "b"], {"a": 1, "b": 1, "c": 1, "d": 1})
    Quality(ndcg10=0.44149241373678083, recall10=0.5, recall100=0.5, mrr=0.5)

    Notes
    -----
    K. Järvelin, J. Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002, with
    the grade itself as gain, as trec_eval has it.
    """
    gains = [relevant.get(document, 0) for document in ranking[:DEPTH]]
    ideal = sorted(relevant.values(), reverse=True)
    ranks = [rank for rank, gain in enumerate(gains, 1) if gain]
    return Quality(
        ndcg10=_discounted(gains[:_TOP]) / _discounted(ideal[:_TOP]),
        recall10=sum(rank <= _TOP for rank in ranks) / len(relevant),
        recall100=len(ranks) / len(relevant),
        mrr=1 / ranks[0] if ranks else 0.0,
    )


def mean_quality(judged: Sequence[Quality]) -> Quality:
    """Return the mean over queries, of which there is at least one.

    >>> mean_quality([Quality(1, 1, 1, 1), Quality(0, 0, 0.5, 0)])
    Quality(ndcg10=0.5, recall10=0.5, recall100=0.75, mrr=0.5)
    """
    return Quality(
        *(sum(getattr(each, metric) for each in judged) / len(judged) for metric in _METRICS)
    )


def read_gate(path: Path) -> Gate:
    """Read the least figures: a JSON object of modes, each an object of metrics.

    Raises
    ------
    SourceUnavailableError
        If there is no such file, or it names what is no metric or is no number from 0 to 1.
    """
    try:
        return _GATE.validate_json(path.read_bytes())
    except OSError as error:
        raise _fault(path, error.strerror or str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise _fault(path, f"{where}: {first['msg']}" if where else first["msg"]) from error


def losses(found: Mapping[str, Quality], gate: Gate) -> list[Loss]:
    """Return what is below its gate, or was not measured, in the order of the gate.

    >>> losses({"text": Quality(0.5, 1, 1, 1)}, {"text": {"ndcg10": 0.6, "mrr": 1}})
    [Loss(mode='text', metric='ndcg10', least=0.6, found=0.5)]
    """
    lost: list[Loss] = []
    for mode, metrics in gate.items():
        figures = asdict(found[mode]) if mode in found else {}
        for metric, least in metrics.items():
            figure = figures.get(metric)
            if figure is None or figure < least:
                lost.append(Loss(mode, metric, least, figure))
    return lost


def _fault(path: Path, reason: str) -> SourceUnavailableError:
    return SourceUnavailableError(
        str(path), reason, 'Give least figures by mode, such as {"hybrid": {"ndcg10": 0.7}}.'
    )


def _discounted(gains: Sequence[int]) -> float:
    return math.fsum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))
