"""A server's problem answers as the errors that the same call raises in this process."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from typing_extensions import override

from hyper_registry.domain.errors.base import RegistryError
from hyper_registry.domain.errors.every import every_error


def remote_error(problem: Mapping[str, Any]) -> RegistryError:
    """Return an error of the class that the server raised, telling what the server told.

    Parameters
    ----------
    problem
        An RFC 9457 problem with the members ``code``, ``detail``, ``remedy`` and ``field``. One
        with a code unknown to this version becomes a plain `RegistryError`.

    Examples
    --------
    >>> from hyper_registry.domain.errors.entry import EntryNotFoundError
    >>> error = remote_error({"code": "entry_not_found", "detail": "no entry 'a'", "remedy": "…"})
    >>> isinstance(error, EntryNotFoundError), str(error)
    (True, "no entry 'a'")
    """
    return _told_class(str(problem.get("code")))(dict(problem))


class _Told:
    """Mixin ahead of an error class: the words come from elsewhere."""

    def __init__(self, problem: dict[str, Any]) -> None:
        self._problem = problem
        self.field = problem.get("field")

    @override
    def __str__(self) -> str:
        told = self._problem.get("detail") or self._problem.get("title")
        return str(told or "the server gave no reason")

    @property
    def remedy(self) -> str:
        """What the caller can do about it, in the server's words."""
        return str(self._problem.get("remedy") or "See the server's log.")

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return remote_error, (self._problem,)


@cache
def _told_class(code: str) -> type[Any]:
    base = next((kind for kind in every_error() if kind.code == code), RegistryError)
    return type(base.__name__, (_Told, base), {"__doc__": base.__doc__})
