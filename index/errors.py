"""Errors of the index package.

They cross process borders inside Ray, so each passes its raw fields positionally to
``super().__init__`` and formats its message in ``__str__``: pickling rebuilds it from ``args``.
"""


class VectorIndexError(Exception):
    """Base of all errors that the index package raises on purpose."""


class IndexFormatError(VectorIndexError):
    """Stored index data is missing, cut short, changed, or of a kind that this code cannot read.

    Parameters
    ----------
    path
        File or directory at fault.
    reason
        What is wrong with it, with the values seen and expected.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class IndexInputError(VectorIndexError, ValueError):
    """A table given to build a shard breaks the data contract.

    Parameters
    ----------
    column
        Name of the column at fault.
    row
        Row number within the given table, or None when the whole column is at fault.
    reason
        What is wrong with it, with the values seen and expected.
    """

    def __init__(self, column: str, row: int | None, reason: str) -> None:
        super().__init__(column, row, reason)
        self.column = column
        self.row = row
        self.reason = reason

    def __str__(self) -> str:
        place = self.column if self.row is None else f"{self.column}, row {self.row}"
        return f"{place}: {self.reason}"


class IndexBuildRefusedError(VectorIndexError):
    """Writing here would change something that must not change.

    Parameters
    ----------
    path
        Directory that was to be written.
    reason
        Why it is refused, and the remedy.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class IndexQueryError(VectorIndexError, ValueError):
    """A search was asked with a query that has no answer.

    Parameters
    ----------
    field
        Name of the argument at fault.
    reason
        What is wrong with it, with the values seen and expected.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"
