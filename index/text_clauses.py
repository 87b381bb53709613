"""What a text query consists of once it is taken apart: clauses, each of some words."""

from dataclasses import dataclass
from enum import Enum

MOST_CLAUSES = 64
"""Clauses that count; the first ones of a query."""


class Role(Enum):
    """What a clause is to a row."""

    WANTED = "wanted"
    """The row should have one of its words."""
    REQUIRED = "required"
    """The row must have one of its words."""
    EXCLUDED = "excluded"
    """The row must have none of its words."""


@dataclass(frozen=True, slots=True)
class QueryClause:
    """Words of which a row has one or not.

    Attributes
    ----------
    words
        Folded, not stemmed; the first is as it was asked for, others are other spellings of it.
    role
        What it is to a row.
    prefix
        Whether any word that begins with one of them will do.
    """

    words: tuple[str, ...]
    role: Role = Role.WANTED
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class TextQuery:
    """A text query.

    Attributes
    ----------
    clauses
        1 to ``MOST_CLAUSES``, of which one at least is not excluded.
    phrases
        Texts that must be in a row word for word. Their words are among the clauses; that they
        follow each other is to be verified on the rows' texts.
    excluded_phrases
        Texts that must not be in a row, to be verified likewise.
    """

    clauses: tuple[QueryClause, ...]
    phrases: tuple[str, ...] = ()
    excluded_phrases: tuple[str, ...] = ()

    @property
    def relaxable(self) -> bool:
        """Whether rows with some of the words will do where few have all.

        Not with phrases and exclusions: they say exactly what to find.
        """
        excluded = any(clause.role is Role.EXCLUDED for clause in self.clauses)
        return not (self.phrases or self.excluded_phrases or excluded)


@dataclass(frozen=True, slots=True)
class WeightedClause:
    """Terms of which a row has one or not; of several the best counts.

    Attributes
    ----------
    terms
        Each once.
    weights
        Of each term: how much an impact of 1 adds to a row's score; above 0.
    role
        What it is to a row.
    """

    terms: tuple[str, ...]
    weights: tuple[float, ...]
    role: Role = Role.WANTED
