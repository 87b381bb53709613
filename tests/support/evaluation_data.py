"""Where the texts and catalogues lie that are too large for the repository."""

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).parents[3] / "shared" / "data"


def evaluation_folder(name: str) -> Path:
    """Return a folder of evaluation data; the tests that need it are skipped where it is absent."""
    root = Path(os.environ.get("HYPER_REGISTRY_EVAL_DATA") or _BESIDE)
    if not (root / name).is_dir():
        pytest.skip(
            f"no folder {name!r} of evaluation data in {root}; set HYPER_REGISTRY_EVAL_DATA",
            allow_module_level=True,
        )
    return root / name
