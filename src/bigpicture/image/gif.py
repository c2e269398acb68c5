"""Detection of truncated GIFs, of whose last frame libvips would show whatever is there.

    header, colours ──▶ (extension | frame)* ──▶ trailer     in blocks that state their length

Source: CompuServe, "Graphics Interchange Format", version 89a, sections 15 to 27.
"""

from bigpicture.image.content import Content

__all__ = ["check_whole"]

_HEADER, _FRAME = 13, 10  # bytes, without colour tables
_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B


def check_whole(gif: Content) -> None:
    """Refuse a GIF that ends within a frame or an extension.

    Raises:
        ValueError: If it does.
    """
    if gif[len(gif) - 2 :] == bytes([0, _TRAILER]):
        return  # the usual end
    at, size = _HEADER + _colours(_byte(gif, 10)), len(gif)
    while at < size:
        kind = _byte(gif, at)
        if kind == _EXTENSION:
            at = _behind_blocks(gif, at + 2)
        elif kind == _IMAGE:
            at = _behind_blocks(gif, at + _FRAME + _colours(_byte(gif, at + 9)) + 1)
        else:  # the trailer, or foreign data
            return
    if at > size:
        raise ValueError("it is cut short; fetch or save it again")


def _behind_blocks(gif: Content, at: int) -> int:
    """Return the end of a chain of blocks, each behind its length; beyond the file if cut off."""
    while at < len(gif):
        length = _byte(gif, at)
        at += 1 + length
        if length == 0:
            return at
    return len(gif) + 1


def _colours(flags: int) -> int:
    """Return the size in bytes of the colour table that flags describe."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _byte(gif: Content, at: int) -> int:
    return int.from_bytes(gif[at : at + 1], "little")
