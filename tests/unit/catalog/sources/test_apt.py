"""The package index: from written stanzas, and from this machine."""

import itertools
import shutil

import pytest

from hyper_registry.catalog.sources.apt import AptSource, newest_packages
from hyper_registry.catalog.sources.command import command_output
from hyper_registry.catalog.sources.debian_package import DebianCatalogue
from hyper_registry.catalog.sources.source import BadRow, SourceItem
from hyper_registry.domain.errors.input import SourceUnavailableError

INDEX = b"""\
Package: tool
Version: 1.9-1
Depends: lib

Package: lib
Version: 2.0-1
Section: libs
Maintainer: Lib Team <lib@example.org>
Description: does things
 in more
 .
 words
Description-md5: 0

Package: tool
Version: 1.10-1
Depends: lib (>= 2), gone

Package: tool
Version: 1.10~rc1-1

broken

Package: odd
Version: x:1
"""


def test_the_newest_version_of_each_package_is_kept() -> None:
    bad_rows, packages = newest_packages(INDEX.splitlines(keepends=True))
    assert {name: package.version for name, package in packages.items()} == {
        "tool": "1.10-1",
        "lib": "2.0-1",
    }
    assert bad_rows == [
        BadRow(22, "the stanza holds a line that is no field: 'broken'"),
        BadRow(24, "odd: the version 'x:1' is malformed; have its packager correct it"),
    ]


def test_packages_of_an_index_become_items() -> None:
    _, packages = newest_packages(INDEX.splitlines(keepends=True))
    catalogue = DebianCatalogue(packages)
    tool, lib = (catalogue.item(packages[name]) for name in ("tool", "lib"))
    assert isinstance(tool, SourceItem)
    assert isinstance(lib, SourceItem)
    assert lib.draft.description == "does things\n\nin more\n\nwords"
    assert lib.draft.owner == "Lib Team"
    assert [(link.target_id, link.metadata) for link in tool.links] == [
        ("deb:lib", {"constraint": "(>= 2)"}),
        ("deb:gone", {}),
    ]


def test_without_apt_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SourceUnavailableError, match="is not installed") as caught:
        next(AptSource().read())
    assert "apt-get update" in caught.value.remedy


def test_the_start_of_this_machine_s_index() -> None:
    if shutil.which("apt-cache") is None:
        pytest.skip("apt-cache is not installed on this machine")
    with command_output(["apt-cache", "dumpavail"], "") as stream:
        lines = list(itertools.islice(stream, 20_000))
        # Read to the end, as a command cut off in the middle reports a failure.
        while stream.read(1 << 20):
            pass
    if not lines:
        pytest.skip("the package index of this machine is empty; run 'apt-get update'")
    bad_rows, packages = newest_packages(lines)
    assert bad_rows == []
    catalogue = DebianCatalogue(packages)
    items = [catalogue.item(package) for package in packages.values()]
    good = [item for item in items if isinstance(item, SourceItem)]
    assert len(good) == len(items) > 0
    assert all(item.draft.title and item.draft.metadata["version"] for item in good)
    assert any(item.links for item in good)
    estimate = AptSource().estimate()
    assert estimate is not None
    assert estimate >= len(good)
