"""Headers that tell of a deprecated entry: RFC 9745, RFC 8594 and RFC 5829."""

from email.utils import format_datetime

from hyper_registry.domain.entry import Entry
from hyper_registry.domain.entry_status import EntryStatus
from hyper_registry.domain.entry_version import EntryVersion
from serve_app.route_policies import PREFIX


def deprecation_headers(entry: Entry | EntryVersion) -> dict[str, str]:
    """Return the headers of a deprecated or archived entry, none of another.

    Without a time of its own, a deprecation counts from the last write of the entry.
    """
    told = entry.deprecation
    if entry.status is not EntryStatus.DEPRECATED and told is None:
        return {}
    written_at = entry.updated_at if isinstance(entry, Entry) else entry.valid_from
    since = written_at if told is None or told.since is None else told.since
    headers = {"Deprecation": f"@{int(since.timestamp())}"}
    if told is not None and told.sunset is not None:
        headers["Sunset"] = format_datetime(told.sunset, usegmt=True)
    if told is not None and told.successor is not None:
        # The characters of an id need no escape in a path.
        headers["Link"] = f'<{PREFIX}/entries/{told.successor}>; rel="successor-version"'
    return headers
