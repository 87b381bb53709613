"""A person who is to be erased: the names, what takes their place, and where names can stand."""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import orjson

from hyper_registry.domain.entry import EntryDraft, SecurityContext

PSEUDONYM_PATTERN = r"^erased-[0-9a-f]{16}$"


def new_pseudonym() -> str:
    """Return a random pseudonym, from which nobody can tell whose it is."""
    return f"erased-{secrets.token_hex(8)}"


@dataclass(frozen=True)
class Person:
    """The names of a person and their one pseudonym.

    In columns that hold a name, such as an actor, a name is met as it is. In text it is met as
    whole words and in any case: ``ann`` stands in ``Ann's agent`` and not in ``annual``.

    Attributes
    ----------
    names
        Name, email address and whatever else the person is called by; none of them empty.

    Examples
    --------
    >>> person = Person(("ann", "ann@corp.example"), "erased-0")
    >>> person.redacted_text("Ann <ann@corp.example> reviews annual plans")
    'erased-0 <erased-0> reviews annual plans'
    """

    names: tuple[str, ...]
    pseudonym: str

    @cached_property
    def sql_pattern(self) -> str:
        """Names in text, as Postgres matches them case-insensitively."""
        return rf"(?<![[:alnum:]_])(?:{self._alternatives})(?![[:alnum:]_])"

    @cached_property
    def sql_mention(self) -> str:
        """What text or printed JSON holds at least where it holds a name; for looking first."""
        written = {orjson.dumps(name).decode()[1:-1] for name in self.names}
        return "|".join(_escaped(name) for name in sorted({*self.names, *written}))

    @property
    def grants(self) -> list[str]:
        """Readers of entries that stand for the person."""
        return [f"user:{name}" for name in self.names]

    @cached_property
    def _alternatives(self) -> str:
        # The longest first, so that an address goes as a whole.
        return "|".join(_escaped(name) for name in sorted(self.names, key=lambda n: (-len(n), n)))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(rf"(?<!\w)(?:{self._alternatives})(?!\w)", re.IGNORECASE)

    def redacted_text(self, text: str) -> str:
        """Return text with the pseudonym in the place of names."""
        return self._pattern.sub(self.pseudonym, text)

    def redacted_json(self, value: Any) -> Any:
        """Return JSON with the pseudonym in the place of names, in keys too."""
        match value:
            case str():
                return self.redacted_text(value)
            case list():
                return [self.redacted_json(item) for item in cast("list[Any]", value)]
            case dict():
                return {
                    self.redacted_text(name): self.redacted_json(item)
                    for name, item in cast("dict[str, Any]", value).items()
                }
            case _:
                return value

    def without_name(self, draft: EntryDraft) -> EntryDraft:
        """Return a draft that the person neither owns nor may read by name."""
        owner = self.pseudonym if draft.owner in self.names else draft.owner
        readers = draft.security.readers
        if not frozenset(self.grants).isdisjoint(readers):
            replaced = dict.fromkeys(self.grants, f"user:{self.pseudonym}")
            readers = tuple(dict.fromkeys(replaced.get(reader, reader) for reader in readers))
        security = SecurityContext.model_construct(
            visibility=draft.security.visibility, readers=readers
        )
        return draft.model_copy(update={"owner": owner, "security": security})

    def texts_with_name(self, draft: EntryDraft) -> dict[str, Any]:
        """Return the texts of a draft that hold a name, by field, as they are without it."""
        deprecation = draft.deprecation
        if deprecation is not None and deprecation.note is not None:
            note = self.redacted_text(deprecation.note)
            deprecation = deprecation.model_copy(update={"note": note})
        redacted: dict[str, Any] = {
            "title": self.redacted_text(draft.title),
            "description": self.redacted_text(draft.description),
            "tags": tuple(dict.fromkeys(self.redacted_text(tag) for tag in draft.tags)),
            "metadata": self.redacted_json(draft.metadata),
            "deprecation": deprecation,
        }
        return {name: text for name, text in redacted.items() if text != getattr(draft, name)}


def distinct_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return names without repetition, in their order."""
    return tuple(dict.fromkeys(names))


def _escaped(text: str) -> str:
    """Return a regular expression that Python and Postgres both take for exactly this text."""
    return "".join(sign if sign.isalnum() or not sign.isascii() else f"\\{sign}" for sign in text)
