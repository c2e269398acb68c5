"""Directories of EXIF blocks and TIFF files: what they say of a picture, read, reset, written.

    TIFF file ──read_tiff──▶ Metadata ──upright──▶ Metadata, Picture ──write_tiff──▶ TIFF file

An EXIF block is a small TIFF file: directories of tagged values. This knows just enough of them to
set the orientation and to carry EXIF and IPTC into and out of TIFF files: libvips leaves the one
behind and cuts the other to a quarter.

Source: CIPA DC-008, "Exchangeable image file format for digital still cameras: Exif", section 4.6.
"""

import re
import struct
from dataclasses import replace

import numpy as np

from bigpicture.image.picture import Metadata, Picture

# A directory of an EXIF block: tag → (type, count, value in little-endian bytes).
Directory = dict[int, tuple[int, int, bytes]]
EXIF_HEADER = b"Exif\0\0"
_ORIENTATION = 0x0112
_EXPOSURE, _PLACE = 0x8769, 0x8825  # tags that point to directories: of the exposure, of GPS
_INTEROPERABILITY = 0xA005  # points to a directory that says nothing about a changed picture
_WIDTH, _HEIGHT = 0xA002, 0xA003
# What a TIFF's first directory says about the picture and not about how its pixels lie:
# description, make, model, software, date, artist, copyright.
_DESCRIPTIVE = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298)
_SIZES = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4)  # bytes of a value of each type
_WORDS = (0, 1, 1, 2, 4, 4, 1, 1, 2, 4, 4, 4, 8, 4)  # bytes that a byte order swaps
_LONG, _UNDEFINED = 4, 7
_IPTC = 0x83BB


def upright(metadata: Metadata) -> Metadata:
    """Return `metadata` with orientation 1 in EXIF and XMP: the pixels have been turned."""
    exif, xmp = metadata.exif, metadata.xmp
    if exif is not None:
        tiff = bytearray(exif[len(EXIF_HEADER) :])
        order = _order(tiff)
        for position, tag, _, _ in _entries(bytes(tiff), _pointer(tiff, 4, order), order):
            if tag == _ORIENTATION:  # overwritten in place, so that no maker's note moves
                struct.pack_into(order + "HIHH", tiff, position + 2, 3, 1, 1, 0)
        exif = EXIF_HEADER + bytes(tiff)
    if xmp is not None:
        xmp = re.sub(rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)[2-8]", rb"\g<1>1", xmp)
    return replace(metadata, exif=exif, xmp=xmp)


def read_tiff(file: bytes, metadata: Metadata) -> Metadata:
    """Return `metadata` with the EXIF and IPTC that a TIFF file's directories say, if any."""
    main = read_directory(file)
    kept = {tag: main[tag] for tag in _DESCRIPTIVE if tag in main}
    parts = {tag: read_directory(file, main[tag][2]) for tag in (_EXPOSURE, _PLACE) if tag in main}
    exif = None
    if kept or any(parts.values()):
        header = struct.pack("<2sHI", b"II", 42, 8)
        exif = EXIF_HEADER + header + write_directories(kept, parts, len(header))
    iptc = main[_IPTC][2] if _IPTC in main else None
    return replace(metadata, exif=exif, iptc=iptc)


def write_tiff(file: bytes, picture: Picture) -> bytes:
    """Return a little-endian TIFF `file` of `picture` that also says its EXIF and IPTC.

    A directory with the old entries and the new ones is appended and takes the first one's place.
    """
    metadata, main = picture.metadata, read_directory(file)
    block = (metadata.exif or b"")[len(EXIF_HEADER) :]
    said = read_directory(block)
    parts = {tag: read_directory(block, said[tag][2]) for tag in (_EXPOSURE, _PLACE) if tag in said}
    if _EXPOSURE in parts:
        for tag, side in ((_WIDTH, picture.width), (_HEIGHT, picture.height)):
            parts[_EXPOSURE][tag] = (_LONG, 1, struct.pack("<I", side))
    added = {tag: said[tag] for tag in _DESCRIPTIVE if tag in said}
    if metadata.iptc:
        added[_IPTC] = (_UNDEFINED, len(metadata.iptc), metadata.iptc)
    if file[:4] != b"II*\0" or not main or not (added or parts):
        return file
    file += b"\0" * (len(file) % 2)
    appended = write_directories(main | added, parts, len(file))
    return file[:4] + struct.pack("<I", len(file)) + file[8:] + appended


def read_directory(tiff: bytes, pointer: bytes | None = None) -> Directory:
    """Return a directory of a TIFF or EXIF block; entries that make no sense are left out.

    Args:
        tiff: The block, from its byte order mark on.
        pointer: Little-endian position of the directory; None takes the first one.
    """
    order = _order(tiff)
    start = _pointer(tiff, 4, order) if pointer is None else _pointer(pointer, 0, "<")
    directory: Directory = {}
    for position, tag, kind, count in _entries(tiff, start, order):
        size = _SIZES[kind] * count
        at = position + 8 if size <= 4 else _pointer(tiff, position + 8, order)
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
    main = {tag: entry for tag, entry in main.items() if tag not in (_EXPOSURE, _PLACE)}
    unset = {tag: (_LONG, 1, bytes(4)) for tag in parts}
    following = start + len(_write_directory(main | unset, start))
    written, pointers = b"", {}
    for tag, part in parts.items():
        pointers[tag] = (_LONG, 1, struct.pack("<I", following + len(written)))
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


def _entries(tiff: bytes, start: int, order: str) -> list[tuple[int, int, int, int]]:
    """Return position, tag, type and count of a directory's entries, as far as they are there."""
    if tiff[:4] not in (b"II*\0", b"MM\0*") or not 8 <= start <= len(tiff) - 2:
        return []  # BigTIFF, whose entries are wider, has none either
    (entries,) = struct.unpack_from(order + "H", tiff, start)
    inside = min(entries, (len(tiff) - start - 2) // 12)
    positions = [start + 2 + 12 * index for index in range(inside)]
    found = [(at, *struct.unpack_from(order + "HHI", tiff, at)) for at in positions]
    return [entry for entry in found if 0 < entry[2] < len(_SIZES)]


def _order(tiff: bytes | bytearray) -> str:
    return ">" if tiff[:2] == b"MM" else "<"


def _pointer(block: bytes | bytearray, position: int, order: str) -> int:
    inside = position + 4 <= len(block)
    return struct.unpack_from(order + "I", block, position)[0] if inside else 0
