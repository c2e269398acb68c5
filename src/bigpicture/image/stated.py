"""Colour spaces that a file states by numbers instead of a profile: cICP, gAMA; nclx; EXIF.

    first bytes of a PNG, AVIF or JPEG ──▶ description of the stated colour space, unless it is sRGB

The numbers of PNG and AVIF are not carried over. The colours of such a file are taken for sRGB's.

Source: W3C, "Portable Network Graphics (PNG) Specification", third edition, sections 11.3.2.2 and
    11.3.2.6; ITU-T H.273, tables 2 and 3; CIPA DC-009, "Design rule for Camera File system: DCF
    Version 2.0", which cameras follow that take pictures in Adobe RGB.
"""

from bigpicture.image.directories import EXPOSURE, INTEROPERABILITY, read_directory
from bigpicture.image.exif import COLOUR_SPACE, EXIF_HEADER

__all__ = ["png_chunks", "stated_space"]

_UNSTATED = 2
_PRIMARIES = {9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
_TRANSFERS = {8: "linear", 16: "PQ", 18: "HLG"}
_AS_SRGB = ((1, _UNSTATED), (1, 6, 13, _UNSTATED))  # primaries; curves that are shown like sRGB's
_SRGB_GAMMA, _NEAR = 45455, 2300  # in 1/100000; a difference below _NEAR is not visible
_ADOBE_RGB, _UNCALIBRATED = b"\2\0", b"\xff\xff"  # the latter, with the index R03, is Adobe RGB too
_INDEX = 1


def png_chunks(start: bytes) -> dict[bytes, bytes]:
    """Return the chunks before the pixels of a PNG, by their four-letter names."""
    found: dict[bytes, bytes] = {}
    at = 8
    while at + 8 <= len(start) and (kind := start[at + 4 : at + 8]) != b"IDAT":
        length = int.from_bytes(start[at : at + 4], "big")
        found.setdefault(kind, start[at + 8 : at + 8 + length])
        at += 12 + length
    return found


def stated_space(start: bytes, kind: str) -> str | None:
    """Describe the colour space that a file's first bytes state; None for sRGB or a profile.

    Args:
        start: The first bytes, up to the pixels.
        kind: Kind of the file, such as "PNG".
    """
    if kind == "PNG":
        chunks = png_chunks(start)
        if b"iCCP" in chunks:
            return None
        if len(chunks.get(b"cICP", b"")) == 4:
            return _coded(chunks[b"cICP"][0], chunks[b"cICP"][1])
        gamma = int.from_bytes(chunks.get(b"gAMA", b""), "big") or _SRGB_GAMMA
        if b"sRGB" in chunks or abs(gamma - _SRGB_GAMMA) < _NEAR:
            return None
        return f"a gamma of 1/{100_000 / gamma:.2f}"
    if kind in ("AVIF", "HEIC"):
        at = start.find(b"colrnclx") + 8
        if at < 8 or b"colrprof" in start or b"colrrICC" in start:
            return None
        return _coded(*(int.from_bytes(start[i : i + 2], "big") for i in (at, at + 2)))
    if kind == "JPEG" and b"ICC_PROFILE\0" not in start:
        return _in_exif(start.partition(EXIF_HEADER)[2])
    return None


def _coded(primaries: int, transfer: int) -> str | None:
    if primaries in _AS_SRGB[0] and transfer in _AS_SRGB[1]:
        return None
    names = _PRIMARIES.get(primaries, str(primaries)), _TRANSFERS.get(transfer, str(transfer))
    return f"primaries {names[0]} and transfer {names[1]} (ITU-T H.273)"


def _in_exif(block: bytes) -> str | None:
    """Describe the colour space that an EXIF block states; None for sRGB or an unknown one."""

    def value(directory: bytes | None, tag: int) -> bytes:
        return read_directory(block, directory, (tag,)).get(tag, (0, 0, b""))[2]

    exposure = value(None, EXPOSURE)
    space = value(exposure, COLOUR_SPACE)
    index = value(value(exposure, INTEROPERABILITY), _INDEX)
    is_adobe_rgb = space == _ADOBE_RGB or (space == _UNCALIBRATED and index[:3] == b"R03")
    return "Adobe RGB in its EXIF" if is_adobe_rgb else None
