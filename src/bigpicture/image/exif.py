"""EXIF blocks and the TIFF files that they are: what they say of a picture, read, reset, written.

    TIFF file ──read_tiff──▶ Metadata ──upright──▶ Metadata ──write_tiff──▶ TIFF file

This knows just enough of them to set the orientation and to carry EXIF and IPTC into and out of
TIFF files: libvips leaves the one behind and cuts the other to a quarter.

Source: CIPA DC-008, "Exchangeable image file format for digital still cameras: Exif", section 4.6.
"""

import re
import struct
from dataclasses import replace

from bigpicture.image.directories import (
    EXPOSURE,
    LONG,
    PLACE,
    SHORT,
    UNDEFINED,
    byte_order,
    directories,
    entries,
    pointer_at,
    read_directory,
    write_directories,
)
from bigpicture.image.picture import ImageError, Metadata

EXIF_HEADER = b"Exif\0\0"
_ORIENTATION, _COLOUR_SPACE = 0x0112, 0xA001
_WIDTH, _HEIGHT = 0xA002, 0xA003
# What a TIFF's directory says about the picture and not about how its pixels lie:
# description, make, model, software, date, artist, copyright.
_DESCRIPTIVE = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298)
_IPTC = 0x83BB
_STRIPS = 0x0111


def upright(metadata: Metadata, turned: int = 1) -> Metadata:
    """Return `metadata` with orientation 1 in EXIF and XMP: the pixels have been turned.

    Args:
        metadata: As the file has it.
        turned: The orientation that it had; a thumbnail, which would lie on its side, is dropped.
    """
    exif, xmp = metadata.exif, metadata.xmp
    if exif is not None:
        exif = _with_short(exif, None, _ORIENTATION, 1)
        if turned != 1:
            exif = _without_thumbnail(exif)
    if xmp is not None:
        xmp = re.sub(rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)[2-8]", rb"\g<1>1", xmp)
    return replace(metadata, exif=exif, xmp=xmp)


def said_srgb(metadata: Metadata) -> Metadata:
    """Return `metadata` whose EXIF, where it names a colour space, names sRGB."""
    if metadata.exif is None:
        return metadata
    return replace(metadata, exif=_with_short(metadata.exif, EXPOSURE, _COLOUR_SPACE, 1))


def _with_short(exif: bytes, part: int | None, tag: int, number: int) -> bytes:
    """Return a block with another value of one entry, in place, so that no maker's note moves."""
    tiff = bytearray(exif[len(EXIF_HEADER) :])
    order = byte_order(tiff)
    start = pointer_at(tiff, 4, order)
    if part is not None:
        found = entries(bytes(tiff), start, order)
        start = next((pointer_at(tiff, at + 8, order) for at, key, _, _ in found if key == part), 0)
    for position, key, _, _ in entries(bytes(tiff), start, order):
        if key == tag:
            struct.pack_into(order + "HIHH", tiff, position + 2, SHORT, 1, number, 0)
    return EXIF_HEADER + bytes(tiff)


def _without_thumbnail(exif: bytes) -> bytes:
    """Return a block whose first directory, the picture's, is the last."""
    tiff = bytearray(exif[len(EXIF_HEADER) :])
    chain = directories(bytes(tiff))
    if len(chain) > 1:
        order = byte_order(tiff)
        (count,) = struct.unpack_from(order + "H", tiff, chain[0])
        struct.pack_into(order + "I", tiff, chain[0] + 2 + 12 * count, 0)
    return EXIF_HEADER + bytes(tiff)


def read_tiff(file: bytes, metadata: Metadata, page: int = 0) -> Metadata:
    """Return `metadata` with the EXIF and IPTC that a TIFF file's page says, if any."""
    chain = directories(file)
    main = read_directory(file, struct.pack("<I", chain[page])) if page < len(chain) else {}
    kept = {tag: main[tag] for tag in _DESCRIPTIVE if tag in main}
    parts = {tag: read_directory(file, main[tag][2]) for tag in (EXPOSURE, PLACE) if tag in main}
    exif = None
    if kept or any(parts.values()):
        header = struct.pack("<2sHI", b"II", 42, 8)
        exif = EXIF_HEADER + header + write_directories(kept, parts, len(header))
    iptc = main[_IPTC][2] if _IPTC in main else None
    return replace(metadata, exif=exif, iptc=iptc)


def write_tiff(file: bytes, metadata: Metadata, height: int, width: int) -> bytes:
    """Return a little-endian TIFF `file` of a picture that also says its EXIF and IPTC.

    A directory with the old entries and the new ones is appended and takes the first one's place.
    """
    main = read_directory(file)
    block = (metadata.exif or b"")[len(EXIF_HEADER) :]
    said = read_directory(block)
    parts = {tag: read_directory(block, said[tag][2]) for tag in (EXPOSURE, PLACE) if tag in said}
    if EXPOSURE in parts:
        for tag, side in ((_WIDTH, width), (_HEIGHT, height)):
            parts[EXPOSURE][tag] = (LONG, 1, struct.pack("<I", side))
    added = {tag: said[tag] for tag in _DESCRIPTIVE if tag in said}
    if metadata.iptc:
        added[_IPTC] = (UNDEFINED, len(metadata.iptc), metadata.iptc)
    if file[:4] != b"II*\0" or not main or not (added or parts):
        return file
    file += b"\0" * (len(file) % 2)
    appended = write_directories(main | added, parts, len(file))
    return file[:4] + struct.pack("<I", len(file)) + file[8:] + appended


def as_page(file: bytes, start: int, last: bool) -> bytes:
    """Return a TIFF `file` of one page as a page of another, to be put there at `start`.

    Its directory comes first, so that the page before can name its place without knowing its size.

    Args:
        file: As `write_tiff` returns it.
        start: Even position in the other file.
        last: Whether no page follows directly behind.

    Raises:
        ImageError: If the file is no TIFF of strips, or the page ends beyond 4 GiB.
    """
    main = read_directory(file)
    if _STRIPS not in main:
        raise ImageError("the page cannot be put into a TIFF of several; write it alone")
    parts = {tag: read_directory(file, main[tag][2]) for tag in (EXPOSURE, PLACE) if tag in main}
    behind = start + len(write_directories(main, parts, 8))  # as long, wherever it lies
    end = behind + len(file) + len(file) % 2
    if end >= 2**32:
        raise ImageError("the pages together are larger than a TIFF of 4 GiB; write them apart")
    _, count, strips = main[_STRIPS]
    width = len(strips) // count
    at = [int.from_bytes(strips[i : i + width], "little") for i in range(0, len(strips), width)]
    main[_STRIPS] = (LONG, count, struct.pack(f"<{count}I", *(behind + offset for offset in at)))
    directory = bytearray(write_directories(main, parts, start))
    if not last:
        (entered,) = struct.unpack_from("<H", directory)
        struct.pack_into("<I", directory, 2 + 12 * entered, end)
    return bytes(directory) + file + b"\0" * (len(file) % 2)
