"""The content of a file, in memory or left in the file: both are cut like `bytes`.

A small file is read at once. A large one stays open and is read where it is needed, so that it
takes no memory beside the pixels that are decoded from it.
"""

import os
import threading
import weakref
from io import BufferedIOBase

import pyvips

__all__ = ["Content", "FileContent", "content_of"]

_LARGE = 2**26  # bytes from which on a file is left where it is


class FileContent:
    """What is in a file, as slices of it ask for. Any number of threads may.

    Args:
        file: Open for reading; its position is not kept.
    """

    def __init__(self, file: BufferedIOBase) -> None:
        self._file = file
        self._lock = threading.Lock()

    def __len__(self) -> int:
        with self._lock:
            return self._file.seek(0, os.SEEK_END)

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(len(self))
        with self._lock:
            self._file.seek(start)
            return self._file.read(max(0, stop - start))

    def source(self) -> pyvips.Source:
        """Return a way of its own for libvips to read the file.

        Raises:
            ValueError: If another file has taken its name.
        """
        try:
            # Not by this file's descriptor, nor by a copy, for these share their position.
            descriptor = os.open(self._file.name, os.O_RDONLY | getattr(os, "O_BINARY", 0))  # pyright: ignore[reportAttributeAccessIssue]
        except OSError as error:
            raise ValueError(f"it was moved while it was read ({error}); try again") from error
        try:
            if not os.path.sameopenfile(descriptor, self._file.fileno()):
                raise ValueError("it was replaced while it was read; try again")
            return pyvips.Source.new_from_descriptor(descriptor)  # which copies it
        finally:
            os.close(descriptor)


Content = bytes | FileContent


def content_of(file: BufferedIOBase) -> Content:
    """Return what is in an open file; it is closed if it is small, else with its content.

    Raises:
        OSError: If it cannot be read.
    """
    if os.fstat(file.fileno()).st_size < _LARGE:
        with file:
            file.seek(0)
            return file.read()
    content = FileContent(file)
    weakref.finalize(content, file.close)
    return content
