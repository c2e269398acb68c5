"""PPM, PGM and PBM, which libvips' wheels can neither read nor write.

    P1, P4   PBM   bits, 1 is black      ──▶ gray,   8 bits
    P2, P5   PGM   0 to 65535 at most    ──▶ gray,   8 bits, or 16 if the maximum is above 255
    P3, P6   PPM   likewise, in threes   ──▶ RGB,    likewise

The first of each pair is text, the second binary; only P5 and P6 are written. If the maximum is
neither 255 nor 65535, values are scaled up to the next of these: v · levels / top, rounded.

Source: the Netpbm formats. https://netpbm.sourceforge.net/doc/pnm.html
"""

import re
from collections.abc import Iterator
from io import BufferedIOBase

import numpy as np

from bigpicture.image.content import Content
from bigpicture.image.picture import Picture, check_size
from bigpicture.image.spool import Spool, bands

_NUMBER = rb"(?:\s|#[^\r\n]*[\r\n])+(\d{1,9})"
_HEADER = 2**16  # most bytes of a header, comments included
_BAND = 2**20  # bytes turned into numbers at once


def decode_ppm(data: Content, max_pixels: int) -> Picture:
    """Return the picture in a file of one of the kinds P1 to P6.

    Args:
        data: Content of the file.
        max_pixels: Refuse an image of more pixels than this, judging by its header alone.

    Raises:
        ValueError: If the file is damaged, cut short or too large.

    >>> decode_ppm(b"P2 2 1 15 0 15", max_pixels=2).colour.tolist()
    [[[0], [255]]]
    """
    variant = int(data[1:2])
    bitmap = variant in (1, 4)
    header = re.match(rb"P\d" + _NUMBER * (2 if bitmap else 3), data[:_HEADER])
    if header is None:
        raise ValueError("its header is incomplete; fetch or save it again")
    width, height, *rest = (int(found) for found in header.groups())
    top = rest[0] if rest else 1
    check_size(width, height, max_pixels)
    if not 1 <= top <= 65535:
        raise ValueError(f"its largest value is {top}; it must be 1 to 65535")
    depth = np.dtype(np.uint16 if top > 255 else np.uint8)
    columns = (width + 7) // 8 if variant == 4 else width  # one number holds eight bits
    shape = (height, columns, 3 if variant in (3, 6) else 1)
    rows = _binary(data, header.end() + 1, shape, depth) if variant > 3 else None
    pixels = Spool((height, width, shape[2]), depth)
    for values in rows or [_text(data[header.end() :], shape, bitmap)]:
        if variant == 4:
            values = np.unpackbits(values.astype(np.uint8), axis=1, count=width)
        levels = np.clip(values.astype(np.float64), 0, top)
        levels = top - levels if bitmap else levels  # 1 is black
        pixels.append(np.rint(levels * (np.iinfo(depth).max / top)).astype(depth))
    return Picture(pixels.array())


def _binary(
    data: Content, start: int, shape: tuple[int, int, int], depth: np.dtype
) -> Iterator[np.ndarray]:
    """Yield the numbers a few rows at a time, after checking that none are missing."""
    height, row = shape[0], shape[1] * shape[2] * depth.itemsize
    if len(data) - start < height * row:
        raise ValueError("it is cut short; fetch or save it again")
    step = max(1, _BAND // row)
    for top in range(0, height, step):
        count = min(step, height - top)
        found = data[start + top * row : start + (top + count) * row]
        yield np.frombuffer(found, depth.newbyteorder(">")).reshape(count, *shape[1:])


def _text(body: bytes, shape: tuple[int, int, int], bitmap: bool) -> np.ndarray:
    """Return the numbers of a text file; the digits of a bitmap need no spaces between them."""
    body = re.sub(rb"#[^\r\n]*", b"", body)
    count = shape[0] * shape[1] * shape[2]
    words = re.findall(rb"\S" if bitmap else rb"\S+", body)[:count]
    for word in words:
        if not (word in b"01" if bitmap else word.isdigit() and len(word) < 10):
            text = word[:20].decode("latin-1")
            raise ValueError(f"it has {text!r} where a number must be; fetch or save it again")
    if len(words) != count:
        raise ValueError("it is cut short; fetch or save it again")
    return np.array([int(word) for word in words], np.int64).reshape(shape)


def write_ppm(picture: Picture, file: BufferedIOBase) -> None:
    """Write the colours, without alpha, to a PGM or PPM file.

    Args:
        picture: Picture of 8 or 16 bits.
        file: Empty file, open for writing.
    """
    variant = "P5" if picture.is_gray else "P6"
    file.write(f"{variant} {picture.width} {picture.height} {2**picture.bits - 1}\n".encode())
    for (rows,) in bands(picture.colour):
        file.write(rows.astype(f">u{picture.bits // 8}").tobytes())
