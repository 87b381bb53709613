"""Hyper Registry: one registry for everything an organisation runs and knows."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hyper_registry.client.universal_registry import HyperUniversalRegistry

__all__ = ["HyperUniversalRegistry"]


def __getattr__(name: str) -> object:
    # Loaded when it is asked for: whoever imports one small module of this package must not wait
    # for the model's libraries.
    if name == "HyperUniversalRegistry":
        from hyper_registry.client.universal_registry import (  # noqa: PLC0415 (see above)
            HyperUniversalRegistry,
        )

        return HyperUniversalRegistry
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
