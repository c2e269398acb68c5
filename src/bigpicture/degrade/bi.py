"""BI: bicubic shrinking, the degradation that most networks are trained and compared on.

(H, W, c) ──crop to a multiple of the scale──▶ ──MATLAB's imresize──▶ (h, w, c)     8 or 16 bits
"""

import math

from bigpicture.image.resize import Border, Stored, StoredOut, resize_stored


def bi(high: Stored, scale: int | float, *, border: Border = "mirror") -> StoredOut:
    """Shrink a picture as the standard benchmark sets were shrunk, bit for bit.

    Args:
        high: The picture, uint8 or uint16; what `crop_to_scale` cuts off is not used.
        scale: The shrinking of each side, at least 1.
        border: What lies beyond the border: the mirrored picture, as in the benchmark sets, or
            its repeated edge sample, as in files made with MATLAB before 2014.

    Raises:
        ValueError: If `scale` is below 1, or the picture is smaller than one cell of it.

    >>> import numpy as np
    >>> bi(np.full((7, 9, 3), 80, np.uint8), 2).shape
    (3, 4, 3)
    """
    size = low_size(high.shape[0], high.shape[1], scale)
    return resize_stored(crop_to_scale(high, scale), size=size, border=border)


def crop_to_scale(high: Stored, scale: int | float) -> StoredOut:
    """Cut rows below and columns to the right, so that the scale leads to whole low-res sizes.

    For a whole scale, what is left are multiples of it. For a fractional one, the sides are
    `round(scale · floor(side / scale))`, as in arbitrary-scale work since LIIF.

    Raises:
        ValueError: If `scale` is below 1, or the picture is smaller than one cell of it.
    """
    h, w = low_size(high.shape[0], high.shape[1], scale)
    return high[: round(h * scale), : round(w * scale)]


def low_size(height: int, width: int, scale: int | float) -> tuple[int, int]:
    """Return height and width of the low-resolution version of a picture.

    Raises:
        ValueError: If `scale` is below 1, or the picture is smaller than one cell of it.

    >>> low_size(100, 50, 3)
    (33, 16)
    """
    if not 1 <= scale < math.inf:
        raise ValueError(f"scale is {scale}; give how many times smaller, at least 1")
    h, w = math.floor(height / scale), math.floor(width / scale)
    if min(h, w) < 1:
        raise ValueError(f"high is {height}×{width}; a scale of {scale} needs that many pixels")
    return h, w
