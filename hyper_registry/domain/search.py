"""What can be asked of search, and what it answers."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from hyper_registry.domain.entry import ComplianceStatus, Entry
from hyper_registry.domain.entry_status import EntryStatus
from hyper_registry.domain.text import Text


class SearchMode(StrEnum):
    """Which parts of search propose hits."""

    HYBRID = "hybrid"
    VECTOR = "vector"
    TEXT = "text"
    FILTER = "filter"


class Fusion(StrEnum):
    """How the lists of the parts of search become one."""

    ADAPTIVE = "adaptive"
    WEIGHTED = "weighted"
    RECIPROCAL_RANK = "rrf"


class SearchFilters(BaseModel):
    """Conditions a hit must meet; each lists alternatives, None admits all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    category: tuple[Text, ...] | None = None
    status: tuple[EntryStatus, ...] | None = None
    owner: tuple[Text, ...] | None = None
    tags: tuple[Text, ...] | None = None
    compliance_status: tuple[ComplianceStatus, ...] | None = None

    @property
    def admit_all(self) -> bool:
        """Whether no condition is set."""
        return self == SearchFilters()

    @field_validator("*", mode="before")
    @classmethod
    def _one_is_a_list_of_one(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value


class SearchQuery(BaseModel):
    """One search.

    Attributes
    ----------
    fusion
        How lists are fused; None leaves it to the deployment.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    query: Text = ""
    filters: SearchFilters = SearchFilters()
    mode: SearchMode = SearchMode.HYBRID
    fusion: Fusion | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 10


class SearchHit(Entry):
    """A found entry.

    Attributes
    ----------
    relevance_score
        0 to 1; comparable within one answer only.
    highlight
        Part of the text around the words of the query, each of them between ``**``.
    parts
        What each part of search gave: ``text``, ``vector`` and ``filter``, all 0 to 1.
    """

    relevance_score: float
    highlight: str
    parts: dict[str, float]


class SearchAnswer(BaseModel):
    """The hits of one search, best first.

    Attributes
    ----------
    total
        Entries that match the text or the filters; None where only nearness in meaning is asked
        for, which has no limit, and where a word of the text is too common to count its entries.
    strategy
        How candidates were found, such as ``text+vector(snapshot+delta)``; administrators are told
        how the snapshot was searched, too: ``vector(snapshot scan+delta)``.
    """

    model_config = ConfigDict(frozen=True)

    hits: tuple[SearchHit, ...]
    total: int | None
    strategy: str
