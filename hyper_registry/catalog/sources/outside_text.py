"""Text that other tools wrote, made fit for an entry's one-line fields."""

import re

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_ADDRESS = re.compile(r"<[^>]*>|\S*@\S*")
_REFERENCE_IN_PARENTHESES = re.compile(r"\([^()]*(?:://|@)[^()]*\)")
_LIST_PART = re.compile(r'(?:"[^"]*"|[^",])+')
_NAME_SUFFIX = re.compile(
    r"^(?:inc|llc|ltd|limited|gmbh|co|corp|s\.?a|b\.?v|jr|sr|i{2,3}|iv|ph\.?d)\.?$", re.IGNORECASE
)


def one_line(text: str | None) -> str:
    r"""Return `text` as one line: white space collapsed, control characters and surrogates gone.

    Returns
    -------
    str
        Empty where nothing visible is left, and for ``UNKNOWN``, which packaging tools write
        where an author gave nothing.

    Examples
    --------
    >>> one_line("  two\n lines\x00 ")
    'two lines'
    >>> one_line("UNKNOWN")
    ''
    """
    line = " ".join(_UNPRINTABLE.sub(" ", text or "").split())
    return "" if line == "UNKNOWN" else line


def person_names(text: str | None) -> list[str]:
    """Return the names of people and teams in an author or maintainer field, without addresses.

    Parameters
    ----------
    text
        A comma-separated list of names, of ``Name <address>``, or a mixture. A quoted name may
        hold commas; a company or generation suffix belongs to the name before it.

    Examples
    --------
    >>> person_names('"Roe, Jane" <jane@example.org>, Ada Example, Inc. <a@example.org>')
    ['Roe, Jane', 'Ada Example, Inc.']
    >>> person_names("nobody@example.org")
    []
    """
    names: list[str] = []
    for part in _LIST_PART.findall(one_line(text)):
        without_address = _ADDRESS.sub(" ", _REFERENCE_IN_PARENTHESES.sub(" ", part))
        name = one_line(without_address.replace('"', " ")).strip(" ,;")
        if names and _NAME_SUFFIX.match(name):
            names[-1] = f"{names[-1]}, {name}"
        elif name:
            names.append(name)
    return list(dict.fromkeys(names))
