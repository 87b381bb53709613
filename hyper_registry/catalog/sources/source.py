"""What every catalogue source yields: items to register, or rows that cannot be."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.identifiers import ENTRY_ID_PATTERN, EntryId
from hyper_registry.domain.relationship import REL_TYPE_PATTERN, Weight
from hyper_registry.domain.text import JsonObject

_SHOWN_PROBLEMS = 3
_SHOWN_FIELD_CHARACTERS = 80
_PYDANTIC_PREFIX = "Value error, "


class Link(BaseModel):
    """A relationship from the item that carries it to another entry.

    The target may be registered already, come later in the same source, or not exist at all:
    that is for the importer to find out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rel_type: Annotated[str, StringConstraints(pattern=REL_TYPE_PATTERN)]
    target_id: Annotated[EntryId, StringConstraints(pattern=ENTRY_ID_PATTERN)]
    weight: Weight = 1.0
    bidirectional: bool = False
    metadata: JsonObject = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot become an entry.

    Attributes
    ----------
    row
        Where it stands: the 1-based line or record number.
    reason
        One line naming the field and what to change.
    """

    row: int
    reason: str


@dataclass(frozen=True, slots=True)
class SourceItem:
    """One entry as a source gives it, with the relationships that start at it.

    No two links share both type and target, and none leads back to the entry itself.

    Attributes
    ----------
    row
        Where it stands: the 1-based line or record number.
    """

    row: int
    draft: EntryDraft
    links: tuple[Link, ...]


class Source(Protocol):
    """Outside data that can be read as drafts, as often as asked."""

    @property
    def name(self) -> str:
        """What is read, for messages."""
        ...

    def read(self) -> Iterator[SourceItem | BadRow]:
        """Yield everything the source holds, bad rows included, in its own order.

        Raises
        ------
        SourceUnavailableError
            On the first or any later step, if the source as a whole cannot be read.
        """
        ...

    def estimate(self) -> int | None:
        """Estimate how many rows `read` will yield; None if finding out would cost as much."""
        ...


def validation_reason(error: ValidationError) -> str:
    """Return one line that says which fields of a draft are wrong and what to change.

    Parameters
    ----------
    error
        What pydantic found; the first three problems are named, the rest counted.
    """
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    named = [
        f"{_field_name(problem['loc'])}: {_remedy(problem['type'], problem['msg'])}"
        for problem in problems[:_SHOWN_PROBLEMS]
    ]
    if len(problems) > _SHOWN_PROBLEMS:
        named.append(f"and {len(problems) - _SHOWN_PROBLEMS} more")
    return "; ".join(named)


def _field_name(location: tuple[int | str, ...]) -> str:
    name = ""
    for part in location:
        if isinstance(part, int):
            name += f"[{part}]"
        else:
            name += f".{part}" if name else part
    shown = name if name.isprintable() else ascii(name)
    if len(shown) > _SHOWN_FIELD_CHARACTERS:
        shown = f"{shown[:_SHOWN_FIELD_CHARACTERS]}…"
    return shown or "entry"


_REMEDIES: Mapping[str, str] = {
    "extra_forbidden": "is not a known field; remove it, or move it into metadata",
    "missing": "is missing; give it a value",
}


def _remedy(kind: str, message: str) -> str:
    return _REMEDIES.get(kind, message.removeprefix(_PYDANTIC_PREFIX))
