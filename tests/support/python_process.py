"""Python programs run as processes of their own, with this checkout importable."""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[2]


@contextmanager
def python_process(program: str, *arguments: str) -> Generator[subprocess.Popen[str]]:
    """Run `program` with this interpreter; it is killed at the end if it still runs.

    Parameters
    ----------
    program
        Source text; `sys.argv[1:]` are the arguments. It can wait for its end by reading its
        standard input.
    arguments
        Passed as they are.
    """
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(_CHECKOUT), *filter(None, sys.path)])},
    ) as process:
        try:
            yield process
        finally:
            process.kill()
