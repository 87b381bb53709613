"""Entity tags: the version of what a request is about, in quotes."""

from collections.abc import Sequence

from hyper_registry.domain.errors.input import InvalidFieldError


def entity_tag(version: int) -> str:
    """Return the ETag of a version."""
    return f'"{version}"'


def tagged_versions(header: str, lines: Sequence[str]) -> frozenset[int] | None:
    """Return the versions that a header names; None for ``*``, which stands for any.

    A tag that was marked weak on its way, as proxies do that compress, names its version still.
    A tag that never was a version's names none.

    Raises
    ------
    InvalidFieldError
        If a part is no entity tag.

    Examples
    --------
    >>> sorted(tagged_versions("If-Match", ['"1", W/"2"', '"x"']))
    [1, 2]
    """
    parts = [part.strip() for line in lines for part in line.split(",")]
    if parts == ["*"]:
        return None
    versions: set[int] = set()
    for part in parts:
        quoted = part.removeprefix("W/")
        tag = quoted.strip('"')
        if quoted != f'"{tag}"' and not tag.isdigit():
            raise InvalidFieldError(
                header, f"{part!r} is no ETag", "Send the ETag of the last read, in its quotes."
            )
        if tag.isascii() and tag.isdigit() and len(tag) < 19:
            versions.add(int(tag))
    return frozenset(versions)
