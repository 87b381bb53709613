"""The Python distributions installed for the running interpreter."""

import re
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, PackageMetadata, distributions

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from pydantic import JsonValue, ValidationError

from hyper_registry.catalog.sources.outside_text import one_line, person_names
from hyper_registry.catalog.sources.source import BadRow, Link, SourceItem, validation_reason
from hyper_registry.domain.category import Category
from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.identifiers import EntryId

_PEOPLE_FIELDS = ("Author", "Author-email", "Maintainer", "Maintainer-email")
_TAG_CLASSIFIERS = ("Topic", "Framework")
_LONGEST_LICENCE_NAME = 100
_LONGEST_TAG = 60


class PythonEnvironmentSource:
    """Reads installed distributions; one found twice on the search path is the first of them.

    Parameters
    ----------
    search_path
        Folders to look in; the interpreter's own ``sys.path`` by default.
    """

    name = "python-env"

    def __init__(self, search_path: Sequence[str] | None = None) -> None:
        self._search_path = list(sys.path if search_path is None else search_path)

    def read(self) -> Iterator[SourceItem | BadRow]:
        """Yield one item or bad row for every distribution; a row is its place on the path."""
        seen: set[str] = set()
        for row, distribution in enumerate(distributions(path=self._search_path), start=1):
            try:
                metadata = distribution.metadata
                title = _first(metadata, "Name")
            except (OSError, UnicodeDecodeError) as error:
                yield BadRow(row, f"{_place(distribution)} is unreadable ({error}); reinstall it")
                continue
            if not title:
                yield BadRow(
                    row, f"{_place(distribution)} has no name; delete what an install left there"
                )
            elif (name := canonicalize_name(title)) not in seen:
                seen.add(name)
                yield _item(row, title, metadata, distribution.requires or [])

    def estimate(self) -> int | None:
        """Count the distributions on the search path, those found twice included."""
        return sum(1 for _ in distributions(path=self._search_path))


def _place(distribution: Distribution) -> str:
    return f"a distribution in {distribution.locate_file('')}"


def _item(
    row: int, title: str, metadata: PackageMetadata, requires: list[str]
) -> SourceItem | BadRow:
    entry_id = _entry_id(title)
    links, unreadable = _links(entry_id, requires)
    people = _people(metadata)
    facts: dict[str, JsonValue] = {
        "version": _first(metadata, "Version"),
        "licence": _licence(metadata),
        "homepage": _homepage(metadata),
        "requires_python": _first(metadata, "Requires-Python"),
        "authors": [*people] if len(people) > 1 else None,
        "unreadable_requirements": [*unreadable],
    }
    try:
        draft = EntryDraft(
            entry_id=entry_id,
            category=Category.COMPONENT,
            title=title,
            description=_first(metadata, "Summary"),
            owner=people[0] if people else None,
            tags=tuple(_tags(metadata)),
            metadata={name: value for name, value in facts.items() if value},
        )
    except ValidationError as error:
        return BadRow(row, f"{title}: {validation_reason(error)}")
    return SourceItem(row, draft, links)


def _links(entry_id: EntryId, requires: list[str]) -> tuple[tuple[Link, ...], list[str]]:
    """Return what a distribution needs here without any extra, and requirements nobody can read."""
    found: dict[EntryId, list[str]] = {}
    unreadable: list[str] = []
    for text in requires:
        try:
            requirement = Requirement(text)
            applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        except (InvalidRequirement, ValueError):
            unreadable.append(one_line(text))
            continue
        target = _entry_id(requirement.name)
        if applies and target != entry_id:
            found.setdefault(target, []).append(str(requirement.specifier))
    links = tuple(
        Link(
            rel_type="depends_on",
            target_id=target,
            metadata={"specifier": ",".join(known)} if (known := [*filter(None, all_)]) else {},
        )
        for target, all_ in found.items()
    )
    return links, unreadable


def _entry_id(name: str) -> EntryId:
    return EntryId(f"python:{canonicalize_name(name)}")


def _all(metadata: PackageMetadata, field: str) -> list[str]:
    values: list[str] = metadata.get_all(field) or []
    return [line for line in map(one_line, values) if line]


def _first(metadata: PackageMetadata, field: str) -> str:
    return next(iter(_all(metadata, field)), "")


def _people(metadata: PackageMetadata) -> list[str]:
    """Return the names in the first of the people fields that holds any."""
    for field in _PEOPLE_FIELDS:
        names = person_names(_first(metadata, field))
        if names:
            return names
    return []


def _tags(metadata: PackageMetadata) -> Iterator[str]:
    """Yield keywords, then the last segments of topics and frameworks, in lower case."""
    keywords = _first(metadata, "Keywords")
    separator = "," if "," in keywords else " "
    for keyword in keywords.split(separator):
        yield from _tag(keyword)
    for classifier in _all(metadata, "Classifier"):
        kind, *segments = classifier.split(" :: ")
        if kind in _TAG_CLASSIFIERS and segments:
            # "Framework :: Pydantic :: 2" is about Pydantic, not about 2.
            names = [segment for segment in segments if not segment.isdecimal()]
            yield from _tag(names[-1] if names else "")


def _tag(text: str) -> Iterator[str]:
    tag = one_line(text).lower()
    # Whole sentences land among keywords; they are no tags.
    if tag and len(tag) <= _LONGEST_TAG:
        yield tag


def _licence(metadata: PackageMetadata) -> str:
    """Return the licence's name: its expression, its short free text, or its classifier."""
    expression = _first(metadata, "License-Expression")
    text = _first(metadata, "License")
    classified = (
        classifier.rpartition(" :: ")[2]
        for classifier in _all(metadata, "Classifier")
        if classifier.startswith("License ::")
    )
    # Many put the licence's whole text where its name belongs.
    short = text if len(text) <= _LONGEST_LICENCE_NAME else ""
    return expression or short or next(classified, "")


def _homepage(metadata: PackageMetadata) -> str:
    candidates = [_first(metadata, "Home-page")]
    for labelled in _all(metadata, "Project-URL"):
        label, _, url = labelled.partition(",")
        if re.sub("[^a-z]", "", label.lower()) == "homepage":
            candidates.append(url.strip())
    return next((url for url in candidates if url.startswith(("https://", "http://"))), "")
