"""The one demand that tokenizers make of a text."""

from collections.abc import Sequence

from hyper_registry.domain.errors.input import InvalidFieldError


def require_encodable(texts: Sequence[str]) -> None:
    """Check that every text can be written as UTF-8.

    Raises
    ------
    InvalidFieldError
        If one holds half a surrogate pair; the message says which and where.
    """
    for number, text in enumerate(texts):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidFieldError(
                "text",
                f"text {number} holds half a surrogate pair at position {error.start}",
                "Send whole characters.",
            ) from error
