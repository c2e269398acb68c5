"""BI: bicubic downsampling, the degradation that most networks are trained and compared on.

(H, W, c) ──crop to a multiple of the scale──▶ ──MATLAB's imresize──▶ (h, w, c)     8 or 16 bits
"""

import math

from bigpicture.image.resize import Border, Stored, StoredOut, resize_stored


def bi(high: Stored, scale: int | float, *, border: Border = "mirror") -> StoredOut:
    """Downsample a picture exactly as the standard benchmark sets were, bit for bit.

    Args:
        high: The picture, uint8 or uint16, cropped by `crop_to_scale` first.
        scale: Downsampling factor of each side, at least 1.
        border: How the picture continues beyond its border: mirrored, as in the benchmark sets,
            or by repeating the edge sample, as in files made with MATLAB before 2014.

    Raises:
        ValueError: If `scale` is below 1 or infinite, or a side of the picture is shorter than it.

    >>> import numpy as np
    >>> bi(np.full((7, 9, 3), 80, np.uint8), 2).shape
    (3, 4, 3)
    """
    size = low_size(high.shape[0], high.shape[1], scale)
    return resize_stored(crop_to_scale(high, scale), size=size, border=border)


def crop_to_scale(high: Stored, scale: int | float) -> StoredOut:
    """Crop a picture at the bottom and on the right to what whole low-resolution pixels cover.

    With an integer scale, the sides become multiples of it. With a fractional one, they become
    `round(scale · floor(side / scale))`, as in arbitrary-scale work since LIIF.

    Raises:
        ValueError: If `scale` is below 1 or infinite, or a side of the picture is shorter than it.
    """
    h, w = low_size(high.shape[0], high.shape[1], scale)
    return high[: round(h * scale), : round(w * scale)]


def low_size(height: int, width: int, scale: int | float) -> tuple[int, int]:
    """Return the height and width of the low-resolution version of a picture.

    Raises:
        ValueError: If `scale` is below 1 or infinite, or a side of the picture is shorter than it.

    >>> low_size(100, 50, 3), low_size(33, 33, 1.1)
    ((33, 16), (30, 30))
    """
    if not 1 <= scale < math.inf:
        raise ValueError(f"scale is {scale}; give how many times smaller, at least 1")
    h, w = whole_pixels(height / scale), whole_pixels(width / scale)
    if min(h, w) < 1:
        raise ValueError(
            f"the picture is {width}×{height}; a scale of {scale} needs at least "
            f"{math.ceil(scale)} pixels a side"
        )
    return h, w


def whole_pixels(length: int | float) -> int:
    """Return the number of whole pixels in a length that was computed in floating point.

    A length that lies less than 1e-9 below a whole number counts as that number, as in LIIF's
    program: 33 / 1.1 is 29.999999999999996.

    >>> whole_pixels(33 / 1.1), whole_pixels(29.9)
    (30, 29)
    """
    return math.floor(length + 1e-9)
