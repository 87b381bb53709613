"""Debian packages as entries, and their dependencies as links."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue, ValidationError

from hyper_registry.catalog.sources.debian_control import (
    Alternative,
    dependency_groups,
    description_text,
)
from hyper_registry.catalog.sources.outside_text import one_line, person_names
from hyper_registry.catalog.sources.source import BadRow, Link, SourceItem, validation_reason
from hyper_registry.domain.category import Category
from hyper_registry.domain.entry import EntryDraft
from hyper_registry.domain.identifiers import EntryId

SECTION_CATEGORIES: Mapping[str, Category] = {
    # What runs in the background and answers others.
    **dict.fromkeys(("database", "httpd", "mail", "net", "news", "web"), Category.SERVICE),
    # What a machine or a team needs to run anything else.
    **dict.fromkeys(
        ("admin", "kernel", "metapackages", "otherosfs", "tasks", "vcs"), Category.INFRASTRUCTURE
    ),
    # What executes programs written by people.
    **dict.fromkeys(("interpreters", "shells"), Category.ENGINE),
    # What is read.
    **dict.fromkeys(("doc", "education"), Category.KNOWLEDGE),
    # What other software loads as data.
    **dict.fromkeys(("fonts", "localization"), Category.RESOURCE),
}
"""Category by Debian section; every other section holds libraries and programs: `component`."""

_LINK_FIELDS = (
    ("pre-depends", "depends_on"),
    ("depends", "depends_on"),
    ("recommends", "recommends"),
    ("suggests", "suggests"),
)

PACKAGE_FIELDS = (
    "package",
    "version",
    "architecture",
    "section",
    "priority",
    "installed-size",
    "maintainer",
    "homepage",
    "source",
    "tag",
    "provides",
    *(name for name, _ in _LINK_FIELDS),
    "description",
)
"""Control fields that a package is made from, in lower case."""


def section_category(section: str) -> Category:
    """Return the category of a section; an archive area before it (``contrib/net``) is ignored."""
    return SECTION_CATEGORIES.get(section.rpartition("/")[2], Category.COMPONENT)


@dataclass(frozen=True, slots=True)
class DebianPackage:
    """One binary package.

    Attributes
    ----------
    row
        Where it was read, for bad rows.
    fields
        Control fields by lower-case name, those of `PACKAGE_FIELDS` only.
    """

    row: int
    fields: Mapping[str, str]

    @property
    def name(self) -> str:
        """Its name, without an architecture."""
        return self.fields.get("package", "")

    @property
    def version(self) -> str:
        """Its version, as dpkg writes it."""
        return self.fields.get("version", "")


@dataclass(slots=True)
class DebianCatalogue:
    """The packages that are known together, so that dependencies on virtual ones can be resolved.

    Attributes
    ----------
    packages
        By name.
    """

    packages: dict[str, DebianPackage]
    _providers: dict[str, list[str]] = field(init=False)

    def __post_init__(self) -> None:
        self._providers = {}
        for package in self.packages.values():
            for name in _provided(package):
                self._providers.setdefault(name, []).append(package.name)

    def item(self, package: DebianPackage) -> SourceItem | BadRow:
        """Return a package as an item; its links are resolved within this catalogue."""
        fields = package.fields
        try:
            links = self._links(package)
            installed_size = fields.get("installed-size")
            draft = EntryDraft(
                entry_id=_entry_id(package.name),
                category=section_category(fields.get("section", "")),
                title=package.name,
                description=description_text(fields.get("description", "")).replace("\x00", ""),
                owner=next(iter(person_names(fields.get("maintainer"))), None),
                tags=tuple(_tags(fields)),
                metadata=_without_none(
                    {
                        "version": package.version or None,
                        "architecture": fields.get("architecture") or None,
                        "section": fields.get("section") or None,
                        "priority": fields.get("priority") or None,
                        "installed_size_kib": int(installed_size) if installed_size else None,
                        "homepage": one_line(fields.get("homepage")) or None,
                        # "glibc (2.36-9)" names the source's version where it differs.
                        "source": one_line(fields.get("source")).partition(" ")[0] or None,
                        "debtags": [*_words(fields.get("tag", ""))] or None,
                    }
                ),
            )
        except ValidationError as error:
            return BadRow(package.row, f"{package.name}: {validation_reason(error)}")
        except ValueError as error:
            return BadRow(package.row, f"{package.name}: {error}; have its packager correct it")
        return SourceItem(package.row, draft, links)

    def _links(self, package: DebianPackage) -> tuple[Link, ...]:
        found: dict[tuple[str, str], dict[str, JsonValue]] = {}
        for field_name, rel_type in _LINK_FIELDS:
            for group in dependency_groups(package.fields.get(field_name, "")):
                target, metadata = self._resolve(group)
                if target != package.name:
                    _merge(found.setdefault((rel_type, target), {}), metadata)
        return tuple(
            Link(rel_type=rel_type, target_id=_entry_id(target), metadata=metadata)
            for (rel_type, target), metadata in found.items()
        )

    def _resolve(self, group: tuple[Alternative, ...]) -> tuple[str, dict[str, JsonValue]]:
        """Choose the first alternative that is here, itself or by its only provider.

        Where none is, the first one stays the target: a package outside of this catalogue.
        """
        chosen, target = group[0], group[0].name
        for alternative in group:
            here = self._present(alternative.name)
            if here is not None:
                chosen, target = alternative, here
                break
        others: list[JsonValue] = [other.name for other in group if other is not chosen]
        return target, _without_none(
            {
                "constraint": chosen.constraint,
                "alternatives": others or None,
                "provides": chosen.name if target != chosen.name else None,
            }
        )

    def _present(self, name: str) -> str | None:
        if name in self.packages:
            return name
        providers = self._providers.get(name, [])
        # With several providers the dependency is on none of them in particular.
        return providers[0] if len(providers) == 1 else None


def only_package_fields(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the fields of `PACKAGE_FIELDS` that are given and not empty."""
    return {name: fields[name] for name in PACKAGE_FIELDS if fields.get(name)}


def _entry_id(package_name: str) -> EntryId:
    return EntryId(f"deb:{package_name}")


def _provided(package: DebianPackage) -> Iterable[str]:
    try:
        groups = list(dependency_groups(package.fields.get("provides", "")))
    except ValueError:
        # A malformed Provides resolves nothing, while the package itself is still an entry.
        return ()
    return dict.fromkeys(group[0].name for group in groups)


def _tags(fields: Mapping[str, str]) -> Iterable[str]:
    named = (one_line(fields.get(name)) for name in ("section", "priority"))
    return [tag for tag in named if tag]


def _words(tag_field: str) -> Iterable[str]:
    return filter(None, (one_line(tag) for tag in tag_field.split(",")))


def _without_none(metadata: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: value for name, value in metadata.items() if value is not None}


def _merge(known: dict[str, JsonValue], more: dict[str, JsonValue]) -> None:
    """Add what a second group says about the same target: both constraints must hold."""
    constraint = known.get("constraint")
    for name, value in more.items():
        if name == "constraint" and isinstance(constraint, str):
            known[name] = ", ".join(dict.fromkeys([*constraint.split(", "), str(value)]))
        else:
            known.setdefault(name, value)
