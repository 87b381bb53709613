"""Running a package manager's query command and reading what it prints."""

import shutil
import subprocess
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import IO

from hyper_registry.domain.errors.input import SourceUnavailableError


@contextmanager
def command_output(command: Sequence[str], remedy: str) -> Generator[IO[bytes], None, None]:
    """Run `command` and give its standard output as a stream, to be read to its end.

    Parameters
    ----------
    command
        Program, found on the search path, and its arguments. It runs in the C.UTF-8 locale, so
        that neither its words nor its encoding depend on who runs it.
    remedy
        What the operator can do where the command is missing or fails.

    Raises
    ------
    SourceUnavailableError
        If the program is missing, cannot be run, or exits with an error.
    """
    program = shutil.which(command[0])
    if program is None:
        raise SourceUnavailableError(command[0], "is not installed on this machine", remedy)
    # Messages go to a file: a pipe that nobody reads would block the command when it is full.
    with tempfile.TemporaryFile() as messages:
        try:
            with subprocess.Popen(
                [program, *command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=messages,
                env={"LC_ALL": "C.UTF-8"},
            ) as process:
                assert process.stdout is not None
                yield process.stdout
        except OSError as error:
            raise SourceUnavailableError(command[0], f"cannot be run ({error})", remedy) from error
        if process.returncode != 0:
            messages.seek(0)
            said = messages.read().decode(errors="replace").strip().splitlines()
            raise SourceUnavailableError(
                " ".join(command[:2]),
                f"exited with {process.returncode} ({said[-1] if said else 'no message'})",
                remedy,
            )
