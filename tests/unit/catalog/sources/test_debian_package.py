"""Debian packages as entries with links."""

import pytest

from hyper_registry.catalog.sources.debian_package import (
    DebianCatalogue,
    DebianPackage,
    section_category,
)
from hyper_registry.catalog.sources.source import BadRow, SourceItem


def _catalogue(**packages: dict[str, str]) -> DebianCatalogue:
    return DebianCatalogue(
        {
            name: DebianPackage(row, {"package": name, "version": "1", **fields})
            for row, (name, fields) in enumerate(packages.items(), start=1)
        }
    )


def _links(catalogue: DebianCatalogue, name: str) -> list[tuple[str, str, dict[str, object]]]:
    item = catalogue.item(catalogue.packages[name])
    assert isinstance(item, SourceItem), item
    return [(link.rel_type, link.target_id, dict(link.metadata)) for link in item.links]


@pytest.mark.parametrize(
    ("section", "category"),
    [
        ("libs", "component"),
        ("httpd", "service"),
        ("contrib/net", "service"),
        ("non-free-firmware/kernel", "infrastructure"),
        ("shells", "engine"),
        ("doc", "knowledge"),
        ("fonts", "resource"),
        ("", "component"),
        ("made-up", "component"),
    ],
)
def test_section_category(section: str, category: str) -> None:
    assert section_category(section) == category


def test_all_fields() -> None:
    catalogue = _catalogue(
        nginx={
            "version": "1.22.1-9",
            "architecture": "amd64",
            "section": "httpd",
            "priority": "optional",
            "installed-size": "1357",
            "maintainer": "Web Team <web@example.org>",
            "homepage": "https://example.org",
            "source": "nginx-src (1.22)",
            "tag": "role::program,\nworks-with::http",
            "description": "small web server\nServes pages.\n.\nFast.",
        }
    )
    item = catalogue.item(catalogue.packages["nginx"])
    assert isinstance(item, SourceItem)
    draft = item.draft
    assert (draft.entry_id, draft.title, draft.category) == ("deb:nginx", "nginx", "service")
    assert draft.description == "small web server\n\nServes pages.\n\nFast."
    assert (draft.owner, draft.tags) == ("Web Team", ("httpd", "optional"))
    assert draft.metadata == {
        "version": "1.22.1-9",
        "architecture": "amd64",
        "section": "httpd",
        "priority": "optional",
        "installed_size_kib": 1357,
        "homepage": "https://example.org",
        "source": "nginx-src",
        "debtags": ["role::program", "works-with::http"],
    }
    assert item.links == ()


def test_each_dependency_field_has_its_type() -> None:
    catalogue = _catalogue(
        a={"pre-depends": "b", "depends": "c (>= 2)", "recommends": "d", "suggests": "e"}
    )
    assert _links(catalogue, "a") == [
        ("depends_on", "deb:b", {}),
        ("depends_on", "deb:c", {"constraint": "(>= 2)"}),
        ("recommends", "deb:d", {}),
        ("suggests", "deb:e", {}),
    ]


def test_the_same_target_is_linked_once_under_all_its_constraints() -> None:
    catalogue = _catalogue(a={"pre-depends": "b (>= 1)", "depends": "b (<< 2), b (>= 1), c, c | d"})
    assert _links(catalogue, "a") == [
        ("depends_on", "deb:b", {"constraint": "(>= 1), (<< 2)"}),
        ("depends_on", "deb:c", {"alternatives": ["d"]}),
    ]


def test_the_first_alternative_that_is_here_is_linked() -> None:
    catalogue = _catalogue(a={"depends": "x | b (>= 1) | c, y | z (= 2)"}, b={}, c={})
    assert _links(catalogue, "a") == [
        ("depends_on", "deb:b", {"constraint": "(>= 1)", "alternatives": ["x", "c"]}),
        ("depends_on", "deb:y", {"alternatives": ["z"]}),
    ]


def test_a_virtual_package_is_its_only_provider() -> None:
    catalogue = _catalogue(
        a={"depends": "mail-server, editor, b"},
        postfix={"provides": "mail-server, smtp (= 2)"},
        vim={"provides": "editor, b"},
        nano={"provides": "editor"},
        b={},
    )
    assert _links(catalogue, "a") == [
        ("depends_on", "deb:postfix", {"provides": "mail-server"}),
        ("depends_on", "deb:editor", {}),
        ("depends_on", "deb:b", {}),
    ]


def test_a_package_never_links_to_itself() -> None:
    catalogue = _catalogue(a={"depends": "a, virtual | b", "provides": "virtual"}, b={})
    assert _links(catalogue, "a") == []


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"depends": "b (>="}, "a: the dependency 'b (>=' is malformed; have its packager"),
        ({"installed-size": "big"}, "a: invalid literal for int() with base 10: 'big'; have"),
        ({"package": "white space"}, "white space: entry_id: String should match pattern"),
        ({"package": ""}, ": title: is empty; give at least one visible character"),
    ],
)
def test_a_package_that_cannot_be_an_entry_is_named(fields: dict[str, str], reason: str) -> None:
    catalogue = _catalogue(a=fields)
    bad = catalogue.item(catalogue.packages["a"])
    assert isinstance(bad, BadRow)
    assert bad.row == 1
    assert bad.reason.startswith(reason)


def test_malformed_provides_resolve_nothing_and_keep_the_package() -> None:
    catalogue = _catalogue(a={"provides": "b ("}, c={"depends": "b"})
    assert isinstance(catalogue.item(catalogue.packages["a"]), SourceItem)
    assert _links(catalogue, "c") == [("depends_on", "deb:b", {})]
