"""TIFF files: add metadata to them, and join pictures as pages of one file.

    file of a picture, Metadata ──add_metadata──▶ the same file, longer
    files of pictures ──TiffPages──▶ one file, a page each

A file that ends beyond 4 GiB must be a BigTIFF. For a file of several pages, this is known only
after the last page. Therefore the pixels come first, behind room for either header, and all
directories last.
"""

import os
import shutil
from io import BufferedIOBase

import numpy as np

from bigpicture.image.content import FileContent
from bigpicture.image.directories import (
    EXPOSURE,
    LONG8,
    PLACE,
    Directory,
    Layout,
    layout_of,
    read_directory,
    write_directories,
)
from bigpicture.image.exif import tiff_entries
from bigpicture.image.picture import ImageError, Metadata

__all__ = ["CLASSIC_END", "TiffPages", "add_metadata"]

CLASSIC_END = 2**32
"""Largest size in bytes of a TIFF that is not a BigTIFF."""

_STRIPS = 0x0111


def add_metadata(file: BufferedIOBase, metadata: Metadata, height: int, width: int) -> None:
    """Add EXIF and IPTC to a little-endian TIFF of one picture.

    A directory with the old and new entries is appended and replaces the first directory.

    Args:
        file: The TIFF, open for reading and writing.
        metadata: Metadata, of which EXIF and IPTC are added.
        height: Height of the picture.
        width: Width of the picture.
    """
    content = FileContent(file)
    main, layout = read_directory(content), layout_of(content)
    added, parts = tiff_entries(metadata, height, width)
    if main and layout.order == "<" and (added or parts):
        end = _even_end(file)
        file.write(write_directories(main | added, parts, end, layout))
        file.seek(layout.first)
        file.write(layout.packed(end))


class TiffPages:
    """A TIFF of several pages, written one by one.

    Args:
        file: Empty file, open for writing.
    """

    def __init__(self, file: BufferedIOBase) -> None:
        self._file = file
        self._pages: list[tuple[Directory, dict[int, Directory]]] = []
        file.write(bytes(len(Layout(big=True).header)))

    def append(self, page: BufferedIOBase) -> None:
        """Append a page.

        Args:
            page: A little-endian TIFF of one picture, open for reading.

        Raises:
            ImageError: If it is not a TIFF made of strips.
        """
        content = FileContent(page)
        main = read_directory(content)
        if _STRIPS not in main:
            raise ImageError("the page cannot be put into a TIFF of several; write it alone")
        parts = {
            tag: read_directory(content, main[tag][2]) for tag in (EXPOSURE, PLACE) if tag in main
        }
        start = _even_end(self._file)
        _, count, strips = main[_STRIPS]
        at = np.frombuffer(strips, f"<u{len(strips) // count}").astype("<u8") + start
        main[_STRIPS] = LONG8, count, at.tobytes()
        page.seek(0)
        shutil.copyfileobj(page, self._file, 2**20)
        self._pages.append((main, parts))

    def finish(self) -> None:
        """Write the directories of all pages, and the header.

        Raises:
            ImageError: If there are no pages.
        """
        if not self._pages:
            raise ImageError("there are no pages")
        start = _even_end(self._file)
        layout = Layout()
        if start + self._length(layout) > CLASSIC_END:
            layout = Layout(big=True)
        room = len(Layout(big=True).header)
        header = layout.header[: layout.first] + layout.packed(start)
        at, left = start, len(self._pages)
        for main, parts in self._pages:
            left -= 1
            following = at + len(write_directories(main, parts, at, layout)) if left else 0
            self._file.write(write_directories(main, parts, at, layout, following))
            at = following
        self._file.seek(0)
        self._file.write(header.ljust(room, b"\0"))

    def _length(self, layout: Layout) -> int:
        return sum(len(write_directories(*page, 8, layout)) for page in self._pages)


def _even_end(file: BufferedIOBase) -> int:
    """Seek to the end of a file, padded to an even position, and return that position."""
    end = file.seek(0, os.SEEK_END)
    file.write(b"\0" * (end % 2))
    return end + end % 2
