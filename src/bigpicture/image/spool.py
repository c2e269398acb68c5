"""Large pictures in unnamed files, so that memory holds only the parts in use.

    rows ──append──▶ Spool ──array──▶ (h, w, …), read from the file where it is accessed

Only arrays made inside `spooling` with at least `LARGE` bytes are kept in files; all others are
plain arrays. The file is removed from disk when the last array on it is freed or the process ends,
however it ends. Rows are written, not mapped, so that a full disk raises an error instead of
killing the process.
"""

import mmap
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

__all__ = ["LARGE", "Spool", "bands", "by_rows", "let_go", "spooling", "unnamed_file"]

LARGE = 2**28
"""Least size in bytes of pixels that are kept in a file."""

_BAND = 2**22  # bytes processed at once
_folder: ContextVar[Path | None] = ContextVar("folder", default=None)


@contextmanager
def spooling(folder: Path) -> Iterator[None]:
    """Keep large pictures made by this thread in files in a folder, which is created on demand.

    Their arrays are read-only.
    """
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


class Spool:
    """An array that is filled row by row, from the top.

    Args:
        shape: Shape of the whole array, rows first.
        dtype: Type of its numbers.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any] | type[np.generic]) -> None:
        self._shape, self.dtype = shape, np.dtype(dtype)
        self._rows = 0
        self._folder = _folder.get()
        self._file: BufferedIOBase | None = None
        self._array: np.ndarray | None = None
        if self._folder is not None and self._nbytes >= LARGE:
            self._file = unnamed_file()
            weakref.finalize(self, self._file.close)

    @property
    def on_disk(self) -> bool:
        """Whether the rows are written to a file."""
        return self._file is not None

    @property
    def _nbytes(self) -> int:
        return int(np.prod(self._shape, dtype=np.int64)) * self.dtype.itemsize

    def append(self, rows: Shaped[np.ndarray, "n ..."]) -> None:
        """Append rows below the existing ones.

        Raises:
            OSError: If the disk has no room for them.
        """
        if self._file is None:
            if self._array is None:
                self._array = np.empty(self._shape, self.dtype)
            self._array[self._rows : self._rows + len(rows)] = rows
        else:
            try:
                self._file.write(np.ascontiguousarray(rows, self.dtype).data)
                self._file.flush()
            except OSError as error:
                raise OSError(
                    f"{error}: {str(self._folder)!r} has no room for the "
                    f"{self._nbytes / 2**30:.1f} GiB that a picture takes on its way to the "
                    "result; free some, or put the result on another disk"
                ) from error
        self._rows += len(rows)

    def restart(self) -> None:
        """Discard the rows appended so far; before the first, make room for all of them.

        Raises:
            MemoryError: If there is no room.
        """
        self._rows = 0
        if self._file is not None:
            self._file.seek(0)
        elif self._array is None:
            self._array = np.empty(self._shape, self.dtype)

    def array(self) -> Shaped[np.ndarray, "h ..."]:
        """Return the array, once all rows have been appended."""
        assert self._rows == self._shape[0], f"{self._rows} rows of {self._shape[0]} are there"
        if self._file is None:
            return np.empty(self._shape, self.dtype) if self._array is None else self._array
        with self._file as file:
            mapped = _Mapping(file.fileno(), self._nbytes, access=mmap.ACCESS_READ)
        return np.frombuffer(mapped, self.dtype).reshape(self._shape)


class _Mapping(mmap.mmap):
    """The rows of a spool. Mappings of others may hold changes, which letting go would discard."""


def by_rows(
    function: Callable[..., np.ndarray], *arrays: Shaped[np.ndarray, "h ..."]
) -> Shaped[np.ndarray, "h ..."]:
    """Return `function(*arrays)`, computed a band of rows at a time, and spooled if it is large.

    Args:
        function: Computes each row of its result from the same row of all arrays.
        arrays: Arrays of equal height.

    >>> by_rows(np.add, np.array([1, 2]), np.array([10, 20])).tolist()
    [11, 22]
    """
    spool = None
    for rows in bands(*arrays):
        made = function(*rows)
        if spool is None:
            if len(made) == len(arrays[0]):
                return made
            spool = Spool((len(arrays[0]), *made.shape[1:]), made.dtype)
        spool.append(made)
    assert spool is not None, "a picture has rows"
    return spool.array()


def bands(*arrays: Shaped[np.ndarray, "h ..."]) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield arrays of equal height in bands of rows that take little memory."""
    most = max(array[:1].nbytes for array in arrays)
    step = max(1, _BAND // max(1, most))
    for top in range(0, len(arrays[0]), step):
        yield tuple(array[top : top + step] for array in arrays)
        for array in arrays:
            let_go(array)


def let_go(array: Shaped[np.ndarray, "..."]) -> None:
    """Free the memory of a spooled array, which can still be read as before; leave others alone."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    base = base.obj if isinstance(base, memoryview) else base
    if isinstance(base, _Mapping) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


def unnamed_file() -> BufferedIOBase:
    """Return a file, in the folder of `spooling` if any, that is deleted when it is closed.

    Raises:
        OSError: If it cannot be created.
    """
    folder = _folder.get()
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=folder)
    except OSError as error:
        where = "" if folder is None else f" in {str(folder)!r}"
        raise OSError(f"no temporary file can be made{where}: {error}") from error
