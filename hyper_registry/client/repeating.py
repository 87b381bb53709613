"""Whether to send a request again, and when: decided without doing it."""

from dataclasses import dataclass

IDEMPOTENCY_HEADER = "Idempotency-Key"

_MOST_ATTEMPTS = 4
_LONGEST_PAUSE_S = 10.0
_FIRST_PAUSE_S = 0.1


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that failed.

    Attributes
    ----------
    number
        1 for the first.
    is_repeatable
        Whether carrying it out twice would do no more than once.
    status
        Of the answer; None where none came.
    retry_after
        The answer's header; None where it has none.
    """

    number: int
    is_repeatable: bool
    status: int | None = None
    retry_after: str | None = None


def pause_before_repeating(failed: Attempt) -> float | None:
    """Return for how many seconds to wait before sending it again; None to give up.

    Examples
    --------
    >>> pause_before_repeating(Attempt(1, True, 503, "2"))
    2.0
    >>> pause_before_repeating(Attempt(1, False)) is None
    True
    """
    if failed.number >= _MOST_ATTEMPTS:
        return None
    if failed.status is None:
        # It may or may not have been carried out.
        return _FIRST_PAUSE_S * 2 ** (failed.number - 1) if failed.is_repeatable else None
    # What was refused for its rate was not carried out, so that it may be sent again in any case.
    if failed.retry_after is None or not (failed.is_repeatable or failed.status == 429):
        return None
    if not failed.retry_after.isascii() or not failed.retry_after.isdigit():
        return None
    pause_s = float(failed.retry_after)
    return pause_s if pause_s <= _LONGEST_PAUSE_S else None
