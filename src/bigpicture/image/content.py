"""The content of a file, in memory or left on disk; both are sliced like `bytes`.

A small file is read at once. A large file stays open and is read where needed, so that it takes no
memory beyond the pixels that are decoded from it.
"""

import os
import threading
import weakref
from io import BufferedIOBase

import pyvips

__all__ = ["Content", "FileContent", "content_of"]

_LARGE = 2**26  # files of at least this many bytes are left on disk


class FileContent:
    """The content of an open file, read slice by slice. Safe to use from several threads.

    Args:
        file: Open for reading; its position is not preserved.
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
        """Open the file once more for libvips, with an independent position.

        Raises:
            ValueError: If the file was moved, or another one has taken its name.
        """
        try:
            # Not by this file's descriptor or a duplicate, because those share one position.
            descriptor = os.open(self._file.name, os.O_RDONLY | getattr(os, "O_BINARY", 0))  # pyright: ignore[reportAttributeAccessIssue]
        except OSError as error:
            raise ValueError(f"it was moved while it was read ({error}); try again") from error
        try:
            if not os.path.sameopenfile(descriptor, self._file.fileno()):
                raise ValueError("it was replaced while it was read; try again")
            return pyvips.Source.new_from_descriptor(descriptor)  # which duplicates it
        finally:
            os.close(descriptor)


Content = bytes | FileContent


def content_of(file: BufferedIOBase) -> Content:
    """Return the content of an open file; a small file is closed now, a large one with its content.

    Raises:
        OSError: If the file cannot be read.
    """
    if os.fstat(file.fileno()).st_size < _LARGE:
        with file:
            file.seek(0)
            return file.read()
    content = FileContent(file)
    weakref.finalize(content, file.close)
    return content
