"""Installed Debian packages: from written listings, and from this machine."""

import shutil

import pytest

from hyper_registry.catalog.sources.debian_package import PACKAGE_FIELDS
from hyper_registry.catalog.sources.dpkg import DpkgSource, items_from_listing
from hyper_registry.catalog.sources.source import BadRow, SourceItem
from hyper_registry.domain.errors.input import SourceUnavailableError

needs_dpkg = pytest.mark.skipif(
    shutil.which("dpkg-query") is None, reason="dpkg-query is not installed on this machine"
)


def _record(status: str = "installed", **fields: str) -> bytes:
    values = [fields.get(name.replace("-", "_"), "") for name in PACKAGE_FIELDS]
    return "\x1f".join([status, *values]).encode() + b"\x1e"


def test_installed_packages_become_items() -> None:
    listing = _record(
        package="a", version="1", depends="b", description="short\n long\n .\n  * item"
    ) + _record(package="b", version="2")
    first, second = items_from_listing(listing)
    assert isinstance(first, SourceItem)
    assert isinstance(second, SourceItem)
    assert first.draft.description == "short\n\nlong\n\n * item"
    assert [link.target_id for link in first.links] == [second.draft.entry_id]


def test_removed_packages_are_left_out_and_architectures_merged() -> None:
    listing = (
        _record("config-files", package="gone", version="1")
        + _record(package="a", version="1", architecture="amd64")
        + _record(package="a", version="1", architecture="i386")
    )
    (item,) = items_from_listing(listing)
    assert isinstance(item, SourceItem)
    assert (item.draft.entry_id, item.draft.metadata["architecture"]) == ("deb:a", "amd64")


def test_bad_records_are_named_and_reading_goes_on() -> None:
    extra = _record(package="x", version="1").replace(b"\x1e", b"\x1fmore\x1e")
    latin = _record(package="y", version="1", description="caf").replace(b"caf", b"caf\xe9")
    items = list(items_from_listing(extra + latin + _record(package="a", version="1")))
    assert items[:2] == [
        BadRow(1, f"the record has {len(PACKAGE_FIELDS) + 1} fields for {len(PACKAGE_FIELDS)}"),
        BadRow(2, "the record is not valid UTF-8; have its packager correct it"),
    ]
    assert isinstance(items[2], SourceItem)


@needs_dpkg
def test_this_machine() -> None:
    source = DpkgSource()
    items = {
        str(item.draft.entry_id): item for item in source.read() if isinstance(item, SourceItem)
    }
    estimate = source.estimate()
    assert estimate is not None
    assert 0 < len(items) <= estimate
    dpkg = items["deb:dpkg"]
    assert dpkg.draft.category == "infrastructure"
    assert dpkg.draft.owner is not None
    assert "@" not in dpkg.draft.owner
    assert dpkg.draft.description.count("\n") > 2
    assert set(dpkg.draft.metadata) >= {"version", "architecture", "section", "priority"}
    assert ("depends_on", "deb:tar") in {(link.rel_type, link.target_id) for link in dpkg.links}
    # What is installed has what it depends on, so only dependencies on other machines dangle.
    needed = [
        link.target_id
        for item in items.values()
        for link in item.links
        if link.rel_type == "depends_on"
    ]
    assert sum(target in items for target in needed) / len(needed) > 0.95


def test_without_dpkg_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SourceUnavailableError, match="is not installed") as caught:
        next(DpkgSource().read())
    assert "Debian-like" in caught.value.remedy
