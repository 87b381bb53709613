"""How often garbage is collected while many rows pass through the process."""

import gc
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock

# The rows of a batch, which live but briefly, are far fewer objects than the young generation may
# then hold: they are gone before a collection would walk over them, and over all that is old.
_YOUNG_OBJECTS = 200_000


class _Thresholds:
    """Those of the process, which all streams of rows share."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._streams = 0
        self._usual = gc.get_threshold()

    def raise_(self) -> None:
        with self._lock:
            if self._streams == 0:
                self._usual = gc.get_threshold()
                young, *older = self._usual
                # 0 collects nothing by itself.
                gc.set_threshold(young and max(young, _YOUNG_OBJECTS), *older)
            self._streams += 1

    def restore(self) -> None:
        with self._lock:
            self._streams -= 1
            if self._streams == 0:
                gc.set_threshold(*self._usual)


_thresholds = _Thresholds()


@contextmanager
def collected_rarely() -> Generator[None]:
    """Within the block, collect garbage more rarely in the whole process.

    Rows make no cycles, so that looking for cycles among them frees nothing; it took two fifths of
    the time of an import.
    """
    _thresholds.raise_()
    try:
        yield
    finally:
        _thresholds.restore()
