"""PPM and its kin, which libvips' wheels can neither read nor write.

    P1, P4   PBM   bits, 1 is black      ──▶ gray,   8 bit
    P2, P5   PGM   0 to 65535 at most    ──▶ gray,   8 bit, 16 where the largest value is above 255
    P3, P6   PPM   likewise, in threes   ──▶ RGB     likewise

The first of each pair is text, the second binary; P5 and P6 are written. A largest value other
than 255 or 65535 is scaled to the nearest of these above it: v · levels / top, rounded.

Source: the Netpbm formats. https://netpbm.sourceforge.net/doc/pnm.html
"""

import math
import re

import numpy as np

from bigpicture.image.picture import Picture, check_size

_NUMBER = rb"(?:\s|#[^\r\n]*[\r\n])+(\d{1,9})"


def decode_ppm(data: bytes, max_pixels: int) -> Picture:
    """Return the picture in a file of one of the kinds P1 to P6.

    Args:
        data: Content of the file.
        max_pixels: Refuse an image of more pixels than this, from its header alone.

    Raises:
        ValueError: If the file is damaged, cut short or too large.

    >>> decode_ppm(b"P2 2 1 15 0 15", max_pixels=2).colour.tolist()
    [[[0], [255]]]
    """
    variant = int(data[1:2])
    bitmap, binary = variant in (1, 4), variant > 3
    header = re.match(rb"P\d" + _NUMBER * (2 if bitmap else 3), data)
    if header is None:
        raise ValueError("its header is incomplete; fetch or save it again")
    width, height, *rest = (int(found) for found in header.groups())
    top = rest[0] if rest else 1
    check_size(width, height, max_pixels)
    if not 1 <= top <= 65535:
        raise ValueError(f"its largest value is {top}; it must be 1 to 65535")
    depth = np.dtype(np.uint16 if top > 255 else np.uint8)
    columns = (width + 7) // 8 if variant == 4 else width  # eight bits are one number
    shape = (height, columns, 3 if variant in (3, 6) else 1)
    count = math.prod(shape)
    if binary:
        body = data[header.end() + 1 :]
        count_there = min(count, len(body) // depth.itemsize)
        values = np.frombuffer(body, depth.newbyteorder(">"), count_there)
    else:
        body = re.sub(rb"#[^\r\n]*", b"", data[header.end() :])
        words = re.findall(rb"[01]", body) if bitmap else body.split()
        values = np.array([int(word) for word in words[:count]], np.int64)
    if values.size != count:
        raise ValueError("it is cut short; fetch or save it again")
    values = values.reshape(shape)
    if variant == 4:
        values = np.unpackbits(values.astype(np.uint8), axis=1, count=width)
    pixels = np.clip(values.astype(np.float64), 0, top)
    pixels = top - pixels if bitmap else pixels  # 1 is black
    return Picture(np.rint(pixels * (np.iinfo(depth).max / top)).astype(depth))


def encode_ppm(picture: Picture) -> bytes:
    """Return the content of a PGM or PPM file of the colours, 8 or 16 bit; alpha is left out."""
    variant = "P5" if picture.is_gray else "P6"
    header = f"{variant} {picture.width} {picture.height} {2**picture.bits - 1}\n"
    return header.encode() + picture.colour.astype(f">u{picture.bits // 8}").tobytes()
