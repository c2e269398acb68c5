"""Metadata in EXIF blocks and in the TIFF files that have their structure: read and updated.

    TIFF file ──read_tiff──▶ Metadata ──upright──▶ Metadata ──tiff_entries──▶ entries of a TIFF file

This module knows just enough of them to reset the orientation and to carry EXIF and IPTC into and
out of TIFF files, where libvips drops EXIF and truncates IPTC to a quarter.

Source: CIPA DC-008, "Exchangeable image file format for digital still cameras: Exif", section 4.6.
"""

import re
import struct
from dataclasses import replace

from bigpicture.image.content import Content
from bigpicture.image.directories import (
    EXPOSURE,
    IPTC,
    LONG,
    PLACE,
    SHORT,
    UNDEFINED,
    Directory,
    directories,
    entries,
    layout_of,
    read_directory,
    write_directories,
)
from bigpicture.image.picture import Metadata

EXIF_HEADER = b"Exif\0\0"
COLOUR_SPACE = 0xA001
_ORIENTATION = 0x0112
_WIDTH, _HEIGHT = 0xA002, 0xA003
# Entries of a TIFF directory that describe the picture and not the layout of its pixels:
# description, make, model, software, date, artist, copyright.
_DESCRIPTIVE = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298)


def upright(metadata: Metadata, turned: int = 1) -> Metadata:
    """Return `metadata` with orientation 1 in EXIF and XMP, for pixels that have been turned.

    Args:
        metadata: Metadata as read from the file.
        turned: The file's orientation. Unless it is 1, the thumbnail is dropped, because its pixels
            have not been turned.
    """
    exif, xmp = metadata.exif, metadata.xmp
    if exif is not None:
        exif = _with_short(exif, None, _ORIENTATION, 1)
        if turned != 1:
            exif = _without_thumbnail(exif)
    if xmp is not None:
        xmp = _with_property(xmp, b"tiff:Orientation", 1)
    return replace(metadata, exif=exif, xmp=xmp)


def sized(xmp: bytes, height: int, width: int) -> bytes:
    """Return an XMP packet in which any stated picture size is replaced by this one."""
    xmp = _with_property(xmp, b"tiff:ImageWidth|exif:PixelXDimension", width)
    return _with_property(xmp, b"tiff:ImageLength|exif:PixelYDimension", height)


def _with_property(xmp: bytes, names: bytes, number: int) -> bytes:
    """Replace the number in properties of a packet, whether attributes or elements."""
    there = rb"((?:%b)(?:\s*=\s*[\"']|>)\s*)\d+" % names
    return re.sub(there, rb"\g<1>%d" % number, xmp)


def said_srgb(metadata: Metadata) -> Metadata:
    """Return `metadata` with the colour space in its EXIF, if one is stated, set to sRGB."""
    if metadata.exif is None:
        return metadata
    return replace(metadata, exif=_with_short(metadata.exif, EXPOSURE, COLOUR_SPACE, 1))


def _with_short(exif: bytes, part: int | None, tag: int, number: int) -> bytes:
    """Return a block with one entry's value replaced in place, so that maker notes stay put."""
    tiff = bytearray(exif[len(EXIF_HEADER) :])
    layout = layout_of(tiff)
    start = layout.position(tiff, layout.first)
    if part is not None:
        found = entries(tiff, start, layout)
        start = next((layout.position(tiff, at + 8) for at, key, _, _ in found if key == part), 0)
    for position, key, _, _ in entries(tiff, start, layout):
        if key == tag and not layout.big:  # no EXIF block is a BigTIFF
            struct.pack_into(layout.order + "HIHH", tiff, position + 2, SHORT, 1, number, 0)
    return EXIF_HEADER + bytes(tiff)


def _without_thumbnail(exif: bytes) -> bytes:
    """Return a block whose first directory, that of the picture, has no successor."""
    tiff = bytearray(exif[len(EXIF_HEADER) :])
    chain = directories(bytes(tiff))
    layout = layout_of(tiff)
    if len(chain) > 1 and not layout.big:
        count, first = layout.entered(tiff, chain[0])
        struct.pack_into(layout.order + "I", tiff, first + layout.entry * count, 0)
    return EXIF_HEADER + bytes(tiff)


def read_tiff(file: Content, metadata: Metadata, start: int) -> Metadata:
    """Return `metadata` with the EXIF and IPTC of a TIFF page, None where it has none.

    Args:
        file: The TIFF.
        metadata: Metadata of the page from elsewhere.
        start: Position of the page's directory.
    """
    main = read_directory(file, struct.pack("<Q", start), (*_DESCRIPTIVE, EXPOSURE, PLACE, IPTC))
    kept = {tag: main[tag] for tag in _DESCRIPTIVE if tag in main}
    parts = {tag: read_directory(file, main[tag][2]) for tag in (EXPOSURE, PLACE) if tag in main}
    exif = None
    if kept or any(parts.values()):
        header = struct.pack("<2sHI", b"II", 42, 8)
        exif = EXIF_HEADER + header + write_directories(kept, parts, len(header))
    iptc = main[IPTC][2] if IPTC in main else None
    return replace(metadata, exif=exif, iptc=iptc)


def tiff_entries(
    metadata: Metadata, height: int, width: int
) -> tuple[Directory, dict[int, Directory]]:
    """Return EXIF and IPTC as entries for a TIFF directory and for those it points to."""
    block = (metadata.exif or b"")[len(EXIF_HEADER) :]
    said = read_directory(block)
    parts = {tag: read_directory(block, said[tag][2]) for tag in (EXPOSURE, PLACE) if tag in said}
    if EXPOSURE in parts:
        for tag, side in ((_WIDTH, width), (_HEIGHT, height)):
            parts[EXPOSURE][tag] = (LONG, 1, struct.pack("<I", side))
    main = {tag: said[tag] for tag in _DESCRIPTIVE if tag in said}
    if metadata.iptc:
        main[IPTC] = (UNDEFINED, len(metadata.iptc), metadata.iptc)
    return main, parts
