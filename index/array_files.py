"""Arrays as files: written in blocks, mapped read-only.

Arrays are written with ordinary writes, never through a memory map: on a full disk a write fails
with an error, a store into a map kills the process.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt

from index.errors import IndexFormatError

_Item = TypeVar("_Item", bound=np.generic)


@contextmanager
def array_stream(path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> Iterator[BinaryIO]:
    """Open an array file whose items are then written to the stream in order.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    header = {
        "descr": np.lib.format.dtype_to_descr(np.dtype(dtype)),
        "fortran_order": False,
        "shape": shape,
    }
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        yield stream


def write_array(
    path: Path,
    shape: tuple[int, ...],
    dtype: type[np.generic],
    blocks: Iterable[npt.NDArray[np.generic]],
) -> None:
    """Write an array from consecutive blocks of its first dimension.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    with array_stream(path, shape, dtype) as stream:
        for block in blocks:
            stream.write(np.ascontiguousarray(block, dtype).data)


def mapped_array(
    path: Path, shape: tuple[int, ...] | None, dtype: type[_Item]
) -> npt.NDArray[_Item]:
    """Map an array file read-only.

    Parameters
    ----------
    path
        File that ``write_array`` wrote.
    shape
        Expected; None expects one dimension of any length.
    dtype
        Expected type of the items.

    Raises
    ------
    IndexFormatError
        The file is missing, or no array of this shape and type in C order.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise IndexFormatError(str(path), f"cannot be read as an array: {error}") from error
    fits = array.ndim == 1 if shape is None else array.shape == shape
    if not fits or array.dtype != dtype or not array.flags.c_contiguous:
        expected = "one dimension" if shape is None else shape
        reason = f"holds {array.shape} {array.dtype}, expected {expected} {np.dtype(dtype)}"
        raise IndexFormatError(str(path), reason)
    # The plain array type: every slice of a memmap would pay for the subclass.
    return array.view(np.ndarray)
