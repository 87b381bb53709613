"""A catalogue that no organisation has but any might: entries, relationships and queries.

Everything is drawn from the vocabularies below by a seeded generator, so that every run on every
machine measures the same data. Words are drawn with falling frequency, as in real texts, so that
common words match a large part of the entries and rare ones a few.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

_KINDS = {
    "agent": "agent",
    "service": "service",
    "model": "model",
    "dataset": "dataset",
    "api": "API",
    "pipeline": "pipeline",
    "workflow": "workflow",
    "component": "library",
    "prompt": "prompt",
    "infrastructure": "cluster",
    "knowledge": "handbook",
    "integration": "connector",
}
_SUBJECTS = (
    "invoice", "customer", "payment", "shipment", "contract", "ticket", "forecast", "inventory",
    "order", "employee", "incident", "sensor", "claim", "campaign", "supplier", "translation",
    "document", "image", "speech", "fraud", "budget", "lead", "vehicle", "patient", "energy meter",
    "web session", "product review", "job application", "purchase", "tax report", "warehouse slot",
    "delivery route", "machine part", "weather station", "news article", "legal clause",
    "credit line", "call recording", "floor plan", "satellite picture", "recipe", "survey answer",
    "access request", "build artefact", "licence", "training course", "travel expense",
    "water pump",
)  # fmt: skip
_DEEDS = (
    "classifies", "matches", "summarises", "predicts", "validates", "routes", "extracts", "cleans",
    "joins", "monitors", "translates", "ranks", "archives", "anonymises", "explains", "schedules",
    "deduplicates", "compresses", "visualises", "reconciles", "encrypts", "aggregates", "labels",
    "audits",
)  # fmt: skip
_AREAS = (
    "finance", "logistics", "sales", "support", "research", "procurement", "marketing", "security",
    "production", "health care", "human resources", "insurance", "retail", "maintenance", "legal",
    "quality", "energy trading", "real estate", "education", "aviation", "agriculture", "banking",
    "telecommunication", "public administration", "mining", "pharmacy", "tourism", "publishing",
)  # fmt: skip
_MANNERS = (
    "in real time", "every night", "on request", "with human review", "for several languages",
    "without leaving the data centre", "at low cost", "with explanations", "within one second",
    "for mobile clients", "from scanned paper", "over a message queue", "behind the firewall",
    "with strict retention rules", "for regulated markets", "across time zones", "on edge devices",
    "from event streams", "with confidence scores", "for the monthly closing",
)  # fmt: skip
_TECHNOLOGIES = (
    "postgres", "kafka", "python", "kubernetes", "spark", "transformer", "rest", "grpc", "parquet",
    "s3", "airflow", "onnx", "graphql", "redis", "terraform", "rust", "java", "bayesian",
    "gradient boosting", "time series", "computer vision", "speech recognition", "embedding",
    "rules engine",
)  # fmt: skip
_RELATIONSHIP_TYPES = ("depends_on", "uses", "produces", "consumes", "documents", "replaces")

SEED = 20_240


@dataclass(frozen=True, slots=True)
class Edge:
    """A relationship to be, by the positions of its ends in the catalogue."""

    source: int
    target: int
    rel_type: str


def entry_id_at(position: int) -> str:
    """Give the id of the entry at a position of the catalogue."""
    return f"bench:{position:06d}"


def draft_at(position: int, prefix: str = "bench") -> dict[str, Any]:
    """Give the JSON of the entry draft at a position; always the same for one position."""
    pick = random.Random(f"{SEED}:{position}")  # noqa: S311 - data, not secrets
    category, kind = pick.choice(list(_KINDS.items()))
    subject, other = _common(pick, _SUBJECTS), _common(pick, _SUBJECTS)
    area = _common(pick, _AREAS)
    deed, also = pick.sample(_DEEDS, 2)
    technologies = sorted({_common(pick, _TECHNOLOGIES) for _ in range(3)})
    return {
        "entry_id": f"{prefix}:{position:06d}",
        "category": category,
        "title": f"{area.capitalize()} {subject} {kind} {position}",
        "description": (
            f"This {kind} {deed} {_plural(subject)} {_common(pick, _MANNERS)} "
            f"and {also} {_plural(other)} for the {area} teams. Built on {technologies[0]}."
        ),
        "owner": f"{area.replace(' ', '-')}-{pick.randrange(6)}",
        "tags": [area, *technologies],
        "metadata": {
            "version": f"{pick.randrange(9)}.{pick.randrange(20)}.{pick.randrange(50)}",
            "capabilities": [f"{deed} {subject}", f"{also} {other}"],
            "cost_centre": pick.randrange(1_000, 9_999),
        },
    }


def edges(entries: int, count: int) -> list[Edge]:
    """Draw distinct relationships; low positions are related most, as central things are."""
    pick = random.Random(SEED)  # noqa: S311 - data, not secrets
    drawn: dict[Edge, None] = {}
    while len(drawn) < count:
        source = pick.randrange(entries)
        target = int(entries * pick.random() ** 2)
        if source != target:
            drawn[Edge(source, target, _common(pick, _RELATIONSHIP_TYPES))] = None
    return list(drawn)


def fresh_edges(entries: int, seed: int) -> Iterator[Edge]:
    """Draw distinct relationships without end that `edges` does not hold: their type is its own."""
    pick = random.Random(f"{SEED}:{seed}")  # noqa: S311 - data, not secrets
    drawn: set[Edge] = set()
    while True:
        source, target = pick.sample(range(entries), 2)
        edge = Edge(source, target, f"measured_{seed}")
        if edge not in drawn:
            drawn.add(edge)
            yield edge


def queries(seed: int) -> Iterator[str]:
    """Write search queries without end, as people ask for what the catalogue holds; none twice."""
    pick = random.Random(f"{SEED}:{seed}")  # noqa: S311 - data, not secrets
    asked: set[str] = set()
    while True:
        query = pick.choice(
            (
                f"{_common(pick, _SUBJECTS)} {pick.choice(list(_KINDS.values()))}",
                f"{_common(pick, _SUBJECTS)} {_common(pick, _AREAS)}",
                f"{_common(pick, _TECHNOLOGIES)} {_common(pick, _SUBJECTS)} "
                f"{_common(pick, _AREAS)}",
                f"what {pick.choice(_DEEDS)} {_plural(_common(pick, _SUBJECTS))} "
                f"{_common(pick, _MANNERS)}",
            )
        )
        if query in asked:
            query = f"{query} {_common(pick, _TECHNOLOGIES)} {pick.randrange(10_000)}"
        asked.add(query)
        yield query


def _common(pick: random.Random, words: Sequence[str]) -> str:
    """Draw a word; the first of the list about five times as often as the last."""
    return words[int(len(words) * pick.random() ** 1.5)]


def _plural(noun: str) -> str:
    return f"{noun}s" if not noun.endswith("y") else f"{noun[:-1]}ies"
