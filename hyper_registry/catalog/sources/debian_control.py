"""The control-file format of Debian: stanzas of fields, and dependency lists."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hyper_registry.catalog.sources.source import BadRow

_ALTERNATIVE = re.compile(
    r"""
    (?P<name>[a-z0-9][a-z0-9+.-]*) (?: :[a-z0-9-]+ )? \s*
    (?: \( \s* (?P<operator> <<|<=|=|>=|>>|<|> ) \s*
        (?P<version> [A-Za-z0-9][^\s()]* ) \s* \) \s* )?
    (?: \[ [^\[\]]* \] \s* )?
    (?: < [^<>]* > \s* )*
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Stanza:
    """One paragraph of a control file.

    Attributes
    ----------
    row
        1-based number of its first line.
    fields
        Values by lower-case field name; continuation lines follow after line feeds, each without
        the one blank that marks it.
    """

    row: int
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of the packages that satisfy a dependency.

    Attributes
    ----------
    name
        Package, possibly virtual, without an architecture qualifier.
    constraint
        Version constraint as ``(>= 2.3)``; None where any version will do.
    """

    name: str
    constraint: str | None


def stanzas(lines: Iterable[bytes]) -> Iterator[Stanza | BadRow]:
    """Split a control file into its stanzas, holding one at a time.

    Parameters
    ----------
    lines
        Lines in UTF-8 with their line breaks.

    Yields
    ------
    Stanza or BadRow
        A stanza that is not valid UTF-8 or not made of fields is a bad row; reading goes on.
    """
    first_row = 0
    block: list[bytes] = []
    for row, line in enumerate(lines, start=1):
        if line.isspace():
            if block:
                yield _stanza(first_row, block)
                block = []
        elif not line.startswith(b"#"):
            if not block:
                first_row = row
            block.append(line)
    if block:
        yield _stanza(first_row, block)


def _stanza(row: int, block: list[bytes]) -> Stanza | BadRow:
    try:
        text = b"".join(block).decode()
    except UnicodeDecodeError:
        return BadRow(row, "the stanza is not valid UTF-8; have its packager correct it")
    fields: dict[str, str] = {}
    last: str | None = None
    # Not splitlines: a value may hold U+2028 and its like, which end no line here.
    for line in text.rstrip("\n").split("\n"):
        if line.startswith((" ", "\t")):
            if last is None:
                return BadRow(row, "the stanza starts with a continuation line")
            fields[last] += f"\n{line[1:].rstrip()}"
            continue
        name, colon, value = line.partition(":")
        if not colon or not name or not name.isprintable() or " " in name:
            return BadRow(row, f"the stanza holds a line that is no field: {line[:40]!r}")
        last = name.lower()
        if last in fields:
            return BadRow(row, f"the stanza gives the field {name[:40]!r} twice")
        fields[last] = value.strip()
    return Stanza(row, fields)


def description_text(value: str) -> str:
    """Return the summary and, after an empty line, the extended text of a Description value.

    Parameters
    ----------
    value
        Lines without the blank that marks continuations; a lone dot stands for an empty line.
    """
    summary, _, extended = value.partition("\n")
    body = "\n".join("" if line.strip() == "." else line for line in extended.split("\n"))
    return f"{summary.strip()}\n\n{body.strip()}".strip()


def dependency_groups(value: str) -> Iterator[tuple[Alternative, ...]]:
    """Parse a dependency list such as ``libc6 (>= 2.36), mta | exim4:any [amd64]``.

    Architecture and build-profile restrictions are dropped: in binary packages they are resolved
    already.

    Yields
    ------
    tuple of Alternative
        One for each comma-separated group, in order; any of its members satisfies it.

    Raises
    ------
    ValueError
        If an alternative cannot be parsed; the message quotes it.
    """
    for group in value.split(","):
        # A trailing comma, which packagers leave and dpkg accepts, makes an empty last group.
        if group.strip():
            yield tuple(map(_alternative, group.split("|")))


def _alternative(text: str) -> Alternative:
    match = _ALTERNATIVE.fullmatch(text.strip())
    if match is None:
        msg = f"the dependency {text.strip()[:60]!r} is malformed"
        raise ValueError(msg)
    operator = match["operator"]
    return Alternative(match["name"], f"({operator} {match['version']})" if operator else None)
