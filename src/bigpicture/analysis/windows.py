"""Windows of a picture and of its enlargement: where to look, and which pixels lie under it.

pixel of low (h, w) ──over──▶ window of the enlargement (H, W) ──under──▶ pixels of low
"""

import math

from torch.nn import functional as F

from bigpicture.analysis.attribution import detail
from bigpicture.analysis.panels import Frame
from bigpicture.shapes import Float, Tensor

__all__ = ["around", "busiest", "over", "under"]

Pair = tuple[int, int]


def busiest(picture: Float[Tensor, "1 c h w"], side: int) -> Pair:
    """Return row and column of the middle of the square with the most detail.

    Args:
        picture: Of any size; of a picture with a single row or column, the middle is returned.
        side: Side of the square.
    """
    height, width = picture.shape[-2:]
    if min(height, width) < 2:
        return height // 2, width // 2
    lengths = detail(picture).sum(1, keepdim=True)
    tall, broad = (min(side, length) for length in lengths.shape[-2:])
    means = F.avg_pool2d(lengths, (tall, broad), stride=1)
    top, left = divmod(int(means.argmax()), means.shape[-1])
    return top + tall // 2, left + broad // 2


def around(
    picture: Float[Tensor, "1 c h w"], pixel: Pair, side: int | None
) -> tuple[Float[Tensor, "1 c y x"], Pair]:
    """Return the part of a picture around a pixel, and the pixel's position in it.

    Args:
        picture: Of any size.
        pixel: Row and column. Near a border, it is not in the middle of the part.
        side: Maximum side of the part; None returns the whole picture.

    Raises:
        ValueError: If the picture has no such pixel.
    """
    height, width = picture.shape[-2:]
    if not (0 <= pixel[0] < height and 0 <= pixel[1] < width):
        raise ValueError(
            f"the pixel in column {pixel[1]}, row {pixel[0]} is not in the picture, which has "
            f"{width} × {height} pixels, counted from 0"
        )
    if side is None:
        return picture, pixel
    (rows, y), (columns, x) = (
        _around(length, place, side) for length, place in zip((height, width), pixel, strict=True)
    )
    return picture[..., rows, columns], (y, x)


def over(pixel: Pair, scale: float | int, side: int, size: Pair) -> Frame:
    """Return the window of an enlargement that lies on a pixel.

    Args:
        pixel: Row and column in the picture.
        scale: Enlargement of each side.
        side: Side of the window; smaller if the enlargement is.
        size: Height and width of the enlargement. Its last row and column have no gradient, so the
            window excludes them.
    """
    rows, columns = (
        _around(length - 1, min(length - 1, math.floor((place + 0.5) * scale)), side)[0]
        for place, length in zip(pixel, size, strict=True)
    )
    return rows, columns


def under(window: Frame, scale: float | int) -> Frame:
    """Return the pixels of the picture that a window of its enlargement lies on.

    >>> under((slice(3, 8), slice(0, 4)), 2)
    (slice(1, 4, None), slice(0, 2, None))
    """
    rows, columns = (
        slice(math.floor(side.start / scale), math.ceil(side.stop / scale)) for side in window
    )
    return rows, columns


def _around(length: int, place: int, side: int) -> tuple[slice, int]:
    """Return a part of an axis around a position, and the position within that part."""
    start = max(0, min(place - side // 2, length - side))
    return slice(start, min(length, start + side)), place - start
