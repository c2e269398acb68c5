"""Directories of TIFF files and EXIF blocks: tagged values, read and written.

    TIFF ──read_directory──▶ {tag: (type, count, value)} ──write_directories──▶ bytes at a position

An EXIF block is a small TIFF file. BigTIFF, whose entries are wider, has no directories here.

Source: Adobe, "TIFF Revision 6.0", section 2.
"""

import struct

import numpy as np

# tag → (type, count, value in little-endian bytes)
Directory = dict[int, tuple[int, int, bytes]]

SHORT, LONG, UNDEFINED = 3, 4, 7
EXPOSURE, PLACE = 0x8769, 0x8825  # tags that point to directories: of the exposure, of GPS
_INTEROPERABILITY = 0xA005  # points to a directory that says nothing about a changed picture
_PURPOSE = 0x00FE
_SMALLER, _MASK = 1, 4  # bits of the purpose
_SIZES = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4)  # bytes of a value of each type
_WORDS = (0, 1, 1, 2, 4, 4, 1, 1, 2, 4, 4, 4, 8, 4)  # bytes that a byte order swaps


def directories(tiff: bytes) -> list[int]:
    """Return the positions of the first directory and of those chained to it."""
    order, found = byte_order(tiff), {}  # of which only the keys are used, for their order
    position = pointer_at(tiff, 4, order)
    while position not in found and _may_start(tiff, position):
        found[position] = None
        (count,) = struct.unpack_from(order + "H", tiff, position)
        position = pointer_at(tiff, position + 2 + 12 * count, order)
    return list(found)


def full_pages(tiff: bytes) -> list[int]:
    """Return the numbers of a file's pages, without smaller versions and masks of others."""
    order = byte_order(tiff)

    def purpose(position: int) -> int:  # has the lowest tag, so that it comes first
        entry = tiff[position + 2 : position + 14].ljust(12, b"\0")
        tag, kind, count, value = struct.unpack(order + "HHII", entry)
        return value if (tag, kind, count) == (_PURPOSE, LONG, 1) else 0

    chain = directories(tiff)
    return [n for n, position in enumerate(chain) if not purpose(position) & (_SMALLER | _MASK)]


def read_directory(tiff: bytes, pointer: bytes | None = None) -> Directory:
    """Return a directory of a TIFF or EXIF block; entries that make no sense are left out.

    Args:
        tiff: The block, from its byte order mark on.
        pointer: Little-endian position of the directory; None takes the first one.
    """
    order = byte_order(tiff)
    start = pointer_at(tiff, 4, order) if pointer is None else pointer_at(pointer, 0, "<")
    directory: Directory = {}
    for position, tag, kind, count in entries(tiff, start, order):
        size = _SIZES[kind] * count
        at = position + 8 if size <= 4 else pointer_at(tiff, position + 8, order)
        value = tiff[at : at + size]
        if len(value) == size and tag != _INTEROPERABILITY:
            word = f"u{_WORDS[kind]}"
            little = np.frombuffer(value, order + word).astype("<" + word).tobytes()
            directory[tag] = (kind, count, little)
    return directory


def write_directories(main: Directory, parts: dict[int, Directory], start: int) -> bytes:
    """Return little-endian directories that lie at `start` of their file, `main` the first.

    Args:
        main: Entries of the first directory.
        parts: Directories it points to, by the tag that does.
        start: Even position of the first byte.
    """
    parts = {tag: part for tag, part in parts.items() if part}
    main = {tag: entry for tag, entry in main.items() if tag not in (EXPOSURE, PLACE)}
    unset = {tag: (LONG, 1, bytes(4)) for tag in parts}
    following = start + len(_write_directory(main | unset, start))
    written, pointers = b"", {}
    for tag, part in parts.items():
        pointers[tag] = (LONG, 1, struct.pack("<I", following + len(written)))
        written += _write_directory(part, following + len(written))
    return _write_directory(main | pointers, start) + written


def _write_directory(directory: Directory, start: int) -> bytes:
    entries, values = struct.pack("<H", len(directory)), b""
    behind = start + 2 + 12 * len(directory) + 4
    for tag, (kind, count, value) in sorted(directory.items()):
        fits = len(value) <= 4
        inline = value.ljust(4, b"\0") if fits else struct.pack("<I", behind + len(values))
        entries += struct.pack("<HHI", tag, kind, count) + inline
        values += b"" if fits else value + b"\0" * (len(value) % 2)
    return entries + bytes(4) + values


def entries(tiff: bytes, start: int, order: str) -> list[tuple[int, int, int, int]]:
    """Return position, tag, type and count of a directory's entries, as far as they are there."""
    if not _may_start(tiff, start):
        return []
    (entries,) = struct.unpack_from(order + "H", tiff, start)
    inside = min(entries, (len(tiff) - start - 2) // 12)
    positions = [start + 2 + 12 * index for index in range(inside)]
    found = [(at, *struct.unpack_from(order + "HHI", tiff, at)) for at in positions]
    return [entry for entry in found if 0 < entry[2] < len(_SIZES)]


def byte_order(tiff: bytes | bytearray) -> str:
    """Return what `struct` calls a file's byte order."""
    return ">" if tiff[:2] == b"MM" else "<"


def pointer_at(block: bytes | bytearray, position: int, order: str) -> int:
    """Return a number of four bytes, 0 where there are none."""
    inside = position + 4 <= len(block)
    return struct.unpack_from(order + "I", block, position)[0] if inside else 0


def _may_start(tiff: bytes, position: int) -> bool:
    """Return whether a directory can be at a position of a file that is a TIFF, but no BigTIFF."""
    return tiff[:4] in (b"II*\0", b"MM\0*") and 8 <= position <= len(tiff) - 2
