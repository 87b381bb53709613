"""Reading files line by line with a bound on how much of a line is ever held."""

import gzip
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path

from hyper_registry.domain.errors.input import SourceUnavailableError

DEFAULT_LINE_LIMIT_BYTES = 1 << 20
UTF8_BOM = b"\xef\xbb\xbf"
_SAMPLE_BYTES = 1 << 20
_SKIP_BYTES = 1 << 16


@contextmanager
def open_file(path: Path) -> Generator[BufferedIOBase, None, None]:
    """Open `path` for reading, decompressing it if its name ends in ``.gz``.

    Raises
    ------
    SourceUnavailableError
        If the file cannot be opened, or a read inside the ``with`` block fails, as it does
        where the disk or the compressed data is damaged.
    """
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            yield stream
    except FileNotFoundError as error:
        raise SourceUnavailableError(str(path), "does not exist", "Check the path.") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise SourceUnavailableError(
            str(path),
            f"is not a whole gzip file ({error})",
            "Compress it again; what was read before the damage is valid.",
        ) from error
    except OSError as error:
        raise SourceUnavailableError(
            str(path),
            f"cannot be read ({error.strerror or error})",
            "Check that it is a file that this user may read.",
        ) from error


def bounded_lines(stream: BufferedIOBase, limit_bytes: int) -> Iterator[tuple[int, bytes | None]]:
    """Yield each line with its 1-based number, its line break included.

    Parameters
    ----------
    stream
        Read from where it stands; a byte order mark there is dropped.
    limit_bytes
        Longest line to hold, without its line break.

    Yields
    ------
    tuple of int and bytes or None
        None stands for a line above the limit, which was skipped without being held.
    """
    row = 0
    allowed = limit_bytes + len(b"\r\n")
    while line := stream.readline(allowed + (len(UTF8_BOM) if row == 0 else 0)):
        row += 1
        if row == 1:
            line = line.removeprefix(UTF8_BOM)
        if len(line.rstrip(b"\r\n")) <= limit_bytes and (
            line.endswith(b"\n") or len(line) < allowed
        ):
            yield row, line
        else:
            while not line.endswith(b"\n") and (line := stream.readline(_SKIP_BYTES)):
                pass
            yield row, None


def estimate_lines(path: Path) -> int | None:
    """Guess the number of lines from the first MiB: exact for a file smaller than that.

    Returns
    -------
    int or None
        None for a compressed file, for what is not a regular file, and for an unreadable one,
        whose error `open_file` will name.
    """
    try:
        if path.suffix == ".gz" or not path.is_file():
            return None
        size_bytes = path.stat().st_size
        with path.open("rb") as stream:
            sample = stream.read(_SAMPLE_BYTES)
    except OSError:
        return None
    lines = sample.count(b"\n") + (not sample.endswith(b"\n") and bool(sample))
    return round(lines * size_bytes / len(sample)) if sample else 0
