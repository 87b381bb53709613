"""The Debian packages installed on this machine, as `dpkg-query` lists them."""

from collections.abc import Iterator

from hyper_registry.catalog.sources.command import command_output
from hyper_registry.catalog.sources.debian_package import (
    PACKAGE_FIELDS,
    DebianCatalogue,
    DebianPackage,
    only_package_fields,
)
from hyper_registry.catalog.sources.source import BadRow, SourceItem

_UNIT_SEPARATOR = "\x1f"
_RECORD_SEPARATOR = "\x1e"
_STATUS = "db:Status-Status"
_INSTALLED = "installed"
# dpkg's own name of the source package; its field "Source" is empty where the names are equal.
_DPKG_NAMES = {"source": "source:Package"}
_FORMAT = (
    _UNIT_SEPARATOR.join(
        f"${{{name}}}" for name in (_STATUS, *(_DPKG_NAMES.get(f, f) for f in PACKAGE_FIELDS))
    )
    + _RECORD_SEPARATOR
)
_REMEDY = "Run it on a Debian-like machine, or import another source."


class DpkgSource:
    """Reads the installed packages; one installed for several architectures is one entry."""

    name = "dpkg"

    def read(self) -> Iterator[SourceItem | BadRow]:
        """Yield one item or bad row for every installed package.

        Raises
        ------
        SourceUnavailableError
            If `dpkg-query` is missing or fails.
        """
        with command_output(["dpkg-query", "-W", "-f", _FORMAT], _REMEDY) as stream:
            listing = stream.read()
        yield from items_from_listing(listing)

    def estimate(self) -> int | None:
        """Count the packages that dpkg knows, removed ones included.

        Raises
        ------
        SourceUnavailableError
            If `dpkg-query` is missing or fails.
        """
        with command_output(["dpkg-query", "-W", "-f", "."], _REMEDY) as stream:
            return len(stream.read())


def items_from_listing(listing: bytes) -> Iterator[SourceItem | BadRow]:
    """Yield the installed packages of a listing, bad records first.

    Parameters
    ----------
    listing
        Records in UTF-8, each ended by ASCII 30, whose fields ASCII 31 separates: the status, then
        those of `PACKAGE_FIELDS`.
    """
    packages: dict[str, DebianPackage] = {}
    for row, record in enumerate(listing.split(_RECORD_SEPARATOR.encode()), start=1):
        if not record:
            continue
        package = _package(row, record)
        if isinstance(package, BadRow):
            yield package
        elif package is not None:
            packages.setdefault(package.name, package)
    catalogue = DebianCatalogue(packages)
    yield from map(catalogue.item, packages.values())


def _package(row: int, record: bytes) -> DebianPackage | BadRow | None:
    try:
        status, *values = record.decode().split(_UNIT_SEPARATOR)
    except UnicodeDecodeError:
        return BadRow(row, "the record is not valid UTF-8; have its packager correct it")
    if len(values) != len(PACKAGE_FIELDS):
        return BadRow(row, f"the record has {len(values)} fields for {len(PACKAGE_FIELDS)}")
    if status != _INSTALLED:
        return None
    # Continuation lines keep their leading blank here, unlike in a parsed stanza.
    fields = {
        name: value.replace("\n ", "\n") for name, value in zip(PACKAGE_FIELDS, values, strict=True)
    }
    return DebianPackage(row, only_package_fields(fields))
