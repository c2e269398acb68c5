"""Directories of TIFF files and EXIF blocks: tagged values, read and written.

    TIFF ──read_directory──▶ {tag: (type, count, value)} ──write_directories──▶ bytes at a position

An EXIF block is a small TIFF file. In BigTIFF, which begins with 43 instead of 42, counts and
positions have eight bytes, so that a file may be larger than 4 GiB.

Source: Adobe, "TIFF Revision 6.0", section 2; "The BigTIFF File Format Proposal".
    https://libtiff.gitlab.io/libtiff/specification/bigtiff.html
"""

import struct
from collections.abc import Container
from dataclasses import dataclass

import numpy as np

from bigpicture.image.content import Content

# tag → (type, count, value in little-endian bytes)
Directory = dict[int, tuple[int, int, bytes]]

SHORT, LONG, UNDEFINED, LONG8 = 3, 4, 7, 16
EXPOSURE, PLACE = 0x8769, 0x8825  # tags that point to directories: EXIF (exposure) and GPS
IPTC = 0x83BB  # bytes, even if typed as numbers, and then in no byte order
INTEROPERABILITY = 0xA005  # points to a directory that does not apply to a changed picture
_PURPOSE = 0x00FE
_SMALLER, _MASK = 1, 4  # bits of the purpose
_SIZES = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8)  # bytes of a value of each type
_WORDS = (0, 1, 1, 2, 4, 4, 1, 1, 2, 4, 4, 4, 8, 4, 0, 0, 8, 8, 8)  # bytes of a word to be swapped
_SHORTER = {LONG8: LONG, 17: 9, 18: 13}  # types of eight bytes → the equivalent types of four
_MOST = 2**16  # directories of a file that are looked at


@dataclass(frozen=True)
class Layout:
    """The width and byte order of the numbers in a file's directories.

    Attributes:
        big: Whether the file is a BigTIFF.
        order: Byte order, in the notation of `struct`.
    """

    big: bool = False
    order: str = "<"

    @property
    def header(self) -> bytes:
        """Header of a little-endian file; it ends in a pointer to a directory right behind it."""
        return b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0" if self.big else b"II*\0\x08\0\0\0"

    @property
    def first(self) -> int:
        """Offset at which the position of the first directory is stored."""
        return 8 if self.big else 4

    @property
    def entry(self) -> int:
        """Size of an entry in bytes."""
        return 20 if self.big else 12

    @property
    def word(self) -> int:
        """Size in bytes of a position, and of the largest value that an entry stores itself."""
        return 8 if self.big else 4

    def entered(self, tiff: Content | bytearray, start: int) -> tuple[int, int]:
        """Return how many entries a directory claims to have, and the position of the first."""
        size = 8 if self.big else 2
        return self.number(tiff[start : start + size]), start + size

    def number(self, digits: bytes | bytearray) -> int:
        """Return an unsigned number of any width."""
        return int.from_bytes(digits, "little" if self.order == "<" else "big")

    def position(self, tiff: Content | bytearray, at: int) -> int:
        """Return the position that is stored at offset `at`, or 0 if the file ends before it."""
        digits = tiff[at : at + self.word]
        return self.number(digits) if len(digits) == self.word else 0

    def packed(self, position: int) -> bytes:
        """Return a position as bytes."""
        return position.to_bytes(self.word, "little" if self.order == "<" else "big")


def layout_of(tiff: Content | bytearray) -> Layout:
    """Return the layout that a file's first bytes state."""
    order = ">" if tiff[:2] == b"MM" else "<"
    return Layout(bytes(tiff[:8]) in (b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0"), order)


def directories(tiff: Content) -> list[int]:
    """Return the positions of the first directory and of those chained to it, `_MOST` at most."""
    layout, found = layout_of(tiff), {}  # a dict used as an ordered set
    position = layout.position(tiff, layout.first)
    while len(found) < _MOST and position not in found and _may_start(tiff, position):
        found[position] = None
        count, at = layout.entered(tiff, position)
        position = layout.position(tiff, at + layout.entry * count)
    return list(found)


def full_pages(tiff: Content) -> list[int]:
    """Return the numbers of a file's pages, without masks and smaller versions of other pages.

    Raises:
        ValueError: If the file has too many of them.
    """
    layout = layout_of(tiff)

    def purpose(position: int) -> int:  # its tag is the lowest, so its entry is the first
        for at, tag, kind, count in entries(tiff, position, layout, most=1):
            if (tag, kind, count) == (_PURPOSE, LONG, 1):
                value = at + layout.entry - layout.word
                return layout.number(tiff[value : value + 4])
        return 0

    chain = directories(tiff)
    if len(chain) == _MOST:
        raise ValueError(f"it has {_MOST} pages or more; split it into several files")
    return [n for n, position in enumerate(chain) if not purpose(position) & (_SMALLER | _MASK)]


def claims_fit(tiff: Content) -> bool:
    """Return whether a file has room for all its directories and values, as far as they are stated.

    Where they overlap, a small file can make its reader allocate any amount of memory.
    """
    layout, left = layout_of(tiff), len(tiff)
    for start in directories(tiff):
        left -= layout.entry * layout.entered(tiff, start)[0]
        if left < 0:  # known before the entries are read, of which there may be any number
            return False
        sizes = (_SIZES[kind] * count for _, _, kind, count in entries(tiff, start, layout))
        left -= sum(size for size in sizes if size > layout.word)
    return left >= 0


def read_directory(
    tiff: Content, pointer: bytes | None = None, only: Container[int] | None = None
) -> Directory:
    """Return a directory of a TIFF or EXIF block; invalid entries are left out.

    Entries may share their bytes, but their values take no more memory than the whole block.

    Args:
        tiff: The block, from its byte order mark on.
        pointer: Little-endian position of the directory; None reads the first one.
        only: Tags to read; None reads all but `INTEROPERABILITY`.
    """
    layout = layout_of(tiff)
    start = layout.position(tiff, layout.first)
    if pointer is not None:
        start = int.from_bytes(pointer[:8], "little")
    directory: Directory = {}
    left = end = len(tiff)
    for position, tag, kind, count in entries(tiff, start, layout):
        if tag == INTEROPERABILITY if only is None else tag not in only:
            continue
        size = _SIZES[kind] * count
        at = position + layout.entry - layout.word
        at = at if size <= layout.word else layout.position(tiff, at)
        if size <= left and at + size <= end:
            left -= size
            order = "<" if tag == IPTC else layout.order
            word = f"u{_WORDS[kind]}"
            little = np.frombuffer(tiff[at : at + size], order + word).astype("<" + word)
            directory[tag] = (kind, count, little.tobytes())
    return directory


def write_directories(
    main: Directory,
    parts: dict[int, Directory],
    start: int,
    layout: Layout = Layout(),
    following: int = 0,
) -> bytes:
    """Return little-endian directories for position `start` of a file, beginning with `main`.

    Their length does not depend on `start`.

    Args:
        main: Entries of the first directory.
        parts: Directories that it points to, by the tag of the pointer.
        start: Even position of the first byte.
        layout: Layout of the file, which must be little-endian.
        following: Position of the directory that is chained to the first one.
    """
    parts = {tag: part for tag, part in parts.items() if part}
    main = {tag: entry for tag, entry in main.items() if tag not in (EXPOSURE, PLACE)}
    kind = LONG8 if layout.big else LONG
    unset = {tag: (kind, 1, bytes(layout.word)) for tag in parts}
    at = start + len(_write_directory(main | unset, start, layout, following))
    written, pointers = b"", {}
    for tag, part in parts.items():
        pointers[tag] = (kind, 1, layout.packed(at + len(written)))
        written += _write_directory(part, at + len(written), layout)
    return _write_directory(main | pointers, start, layout, following) + written


def _write_directory(directory: Directory, start: int, layout: Layout, following: int = 0) -> bytes:
    directory = {tag: _as_wide(entry, layout) for tag, entry in directory.items()}
    count = struct.pack("<Q" if layout.big else "<H", len(directory))
    entries, values = bytearray(count), bytearray()
    behind = start + len(count) + layout.entry * len(directory) + layout.word
    for tag, (kind, count, value) in sorted(directory.items()):
        fits = len(value) <= layout.word
        at = layout.packed(behind + len(values))
        inline = value.ljust(layout.word, b"\0") if fits else at
        entries += struct.pack("<HHQ" if layout.big else "<HHI", tag, kind, count) + inline
        values += b"" if fits else value + b"\0" * (len(value) % 2)
    return bytes(entries + layout.packed(following) + values)


def _as_wide(entry: tuple[int, int, bytes], layout: Layout) -> tuple[int, int, bytes]:
    """Return an entry; if the layout has no eight-byte numbers, shorten them to four bytes."""
    kind, count, value = entry
    if layout.big or kind not in _SHORTER:
        return entry
    return _SHORTER[kind], count, np.frombuffer(value, "<u8").astype("<u4").tobytes()


def entries(
    tiff: Content | bytearray, start: int, layout: Layout, most: int = 2**16 - 1
) -> list[tuple[int, int, int, int]]:
    """Return position, tag, type and count of a directory's entries, those within the file."""
    if not _may_start(tiff, start):
        return []
    said, first = layout.entered(tiff, start)
    inside = min(said, most, max(0, len(tiff) - first) // layout.entry)
    block = tiff[first : first + inside * layout.entry]
    form = layout.order + ("HHQ" if layout.big else "HHI")
    found = [
        (first + at, *struct.unpack_from(form, block, at))
        for at in range(0, inside * layout.entry, layout.entry)
    ]
    return [entry for entry in found if entry[2] < len(_SIZES) and _SIZES[entry[2]]]


def _may_start(tiff: Content | bytearray, position: int) -> bool:
    """Return whether the file is a TIFF in which a directory can begin at this position."""
    small = bytes(tiff[:4]) in (b"II*\0", b"MM\0*")
    return (small or layout_of(tiff).big) and 8 <= position <= len(tiff) - (2 if small else 8)
