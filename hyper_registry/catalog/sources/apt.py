"""Every Debian package that the configured archives offer, as `apt-cache` prints them."""

import re
from collections.abc import Iterable, Iterator

from hyper_registry.catalog.sources.command import command_output
from hyper_registry.catalog.sources.debian_control import stanzas
from hyper_registry.catalog.sources.debian_package import (
    DebianCatalogue,
    DebianPackage,
    only_package_fields,
)
from hyper_registry.catalog.sources.debian_version import VersionKey, version_key
from hyper_registry.catalog.sources.source import BadRow, SourceItem
from hyper_registry.domain.errors.input import SourceUnavailableError

_REMEDY = "Run it on a Debian-like machine after 'apt-get update', or import another source."
_REAL_PACKAGES = re.compile(r"^\s*(?:Normal|Mixed virtual) packages: (\d+)", re.MULTILINE)


class AptSource:
    """Reads the whole package index, of which each package's newest version is an entry."""

    name = "apt"

    def read(self) -> Iterator[SourceItem | BadRow]:
        """Yield one item or bad row for every package, after the whole index has been read.

        Raises
        ------
        SourceUnavailableError
            If `apt-cache` is missing or fails, or its index is empty.
        """
        with command_output(["apt-cache", "dumpavail"], _REMEDY) as stream:
            bad_rows, packages = newest_packages(stream)
        if not packages and not bad_rows:
            raise SourceUnavailableError(
                "apt-cache dumpavail", "the package index is empty", "Run 'apt-get update'."
            )
        yield from bad_rows
        catalogue = DebianCatalogue(packages)
        yield from map(catalogue.item, packages.values())

    def estimate(self) -> int | None:
        """Estimate how many packages the index holds; None if `apt-cache` does not say.

        Raises
        ------
        SourceUnavailableError
            If `apt-cache` is missing or fails.
        """
        with command_output(["apt-cache", "stats"], _REMEDY) as stream:
            counts = _REAL_PACKAGES.findall(stream.read().decode(errors="replace"))
        return sum(map(int, counts)) if counts else None


def newest_packages(
    lines: Iterable[bytes],
) -> tuple[list[BadRow], dict[str, DebianPackage]]:
    """Return the newest version of every package in an index, and what could not be read.

    Parameters
    ----------
    lines
        The index as control stanzas in UTF-8, one line at a time.
    """
    bad_rows: list[BadRow] = []
    packages: dict[str, DebianPackage] = {}
    newest: dict[str, VersionKey] = {}
    for stanza in stanzas(lines):
        if isinstance(stanza, BadRow):
            bad_rows.append(stanza)
            continue
        package = DebianPackage(stanza.row, only_package_fields(stanza.fields))
        try:
            key = version_key(package.version)
        except ValueError:
            reason = f"{package.name}: the version {package.version!r} is malformed"
            bad_rows.append(BadRow(stanza.row, f"{reason}; have its packager correct it"))
            continue
        if package.name not in newest or key > newest[package.name]:
            newest[package.name] = key
            packages[package.name] = package
    return bad_rows, packages
