"""All error classes of the package, whichever of its modules defines them."""

import pkgutil
from functools import cache
from importlib import import_module

from hyper_registry.domain import errors
from hyper_registry.domain.errors.base import RegistryError


@cache
def every_error() -> tuple[type[RegistryError], ...]:
    """Return `RegistryError` and all classes below it that this package defines.

    Examples
    --------
    >>> "entry_not_found" in {error.code for error in every_error()}
    True
    """
    for module in pkgutil.iter_modules(errors.__path__, f"{errors.__name__}."):
        import_module(module.name)
    return tuple(_family(RegistryError))


def _family(kind: type[RegistryError]) -> list[type[RegistryError]]:
    # Others make subclasses at run time, such as a client of what a server told it.
    children = [c for c in kind.__subclasses__() if c.__module__.startswith(errors.__name__)]
    return [kind, *(leaf for child in children for leaf in _family(child))]
