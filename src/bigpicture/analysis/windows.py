"""Windows of a picture and of its enlargement: where to look, and which pixels lie under it.

pixel of low (h, w) ──over──▶ window of the enlargement (H, W) ──under──▶ pixels of low
"""

import math

from torch.nn import functional as F

from bigpicture.analysis.attribution import detail
from bigpicture.analysis.panels import Frame
from bigpicture.shapes import Float, Tensor

__all__ = ["around", "busiest", "check_inside", "over", "under"]

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


def check_inside(picture: Float[Tensor, "1 c h w"], pixel: Pair) -> None:
    """Check that a picture has a pixel.

    Raises:
        ValueError: If it has no such pixel.
    """
    height, width = picture.shape[-2:]
    if not (0 <= pixel[0] < height and 0 <= pixel[1] < width):
        raise ValueError(
            f"the pixel in column {pixel[1]}, row {pixel[0]} is not in the picture, which has "
            f"{width} × {height} pixels, counted from 0"
        )


def around(picture: Float[Tensor, "1 c h w"], pixel: Pair, side: int | None) -> Frame:
    """Return the rows and columns of the part of a picture around a pixel.

    Args:
        picture: Of any size.
        pixel: Row and column. Near a border, it is not in the middle of the part.
        side: Maximum side of the part; None returns the whole picture.

    Raises:
        ValueError: If the picture has no such pixel.
    """
    check_inside(picture, pixel)
    rows, columns = (
        _around(length, place, length if side is None else side)
        for length, place in zip(picture.shape[-2:], pixel, strict=True)
    )
    return rows, columns


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
        _around(length - 1, min(length - 1, math.floor((place + 0.5) * scale)), side)
        for place, length in zip(pixel, size, strict=True)
    )
    return rows, columns


def under(window: Frame, size: Pair, low: Pair) -> Frame:
    """Return the pixels of the picture that the gradients in a window of its enlargement lie on.

    Gradients are differences to the next row and column, which may lie on pixels of their own.

    Args:
        window: Rows and columns of the enlargement.
        size: Height and width of the enlargement.
        low: Height and width of the picture.

    >>> under((slice(3, 7), slice(0, 4)), (12, 10), (6, 5))
    (slice(1, 4, None), slice(0, 3, None))
    """
    rows, columns = (
        slice(side.start * short // long, -(-(side.stop + 1) * short // long))
        for side, long, short in zip(window, size, low, strict=True)
    )
    return rows, columns


def _around(length: int, place: int, side: int) -> slice:
    """Return the part of an axis around a position."""
    start = max(0, min(place - side // 2, length - side))
    return slice(start, min(length, start + side))
