"""Where an entry is that was found by a name which may be an old one."""

from collections.abc import Mapping
from urllib.parse import quote

from hyper_registry.domain.namespace import NamedEntry
from serve_app.route_policies import PREFIX


def location_headers(entry: NamedEntry) -> dict[str, str]:
    """Return the headers that tell where an entry is, and its present name where it has one."""
    headers = {"Content-Location": f"{PREFIX}/entries/{entry.entry_id}"}
    found_by = entry.found_by
    if found_by.is_alias:
        canonical = headers["Content-Location"]
        if found_by.canonical is not None:
            canonical = f"{PREFIX}/handles/{quote(found_by.canonical)}"
        headers["Link"] = f'<{canonical}>; rel="canonical"'
    return headers


def joined(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of both, with all links in one.

    Examples
    --------
    >>> joined({"Link": "<a>"}, {"Link": "<b>"})
    {'Link': '<a>, <b>'}
    """
    links = [headers["Link"] for headers in (first, second) if "Link" in headers]
    both = {**first, **second}
    if links:
        both["Link"] = ", ".join(links)
    return both
