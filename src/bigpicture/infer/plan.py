"""The plan of an enlargement: its exact size, how often the network runs, and in which tiles.

    (h, w), scale or size ──▶ (H, W) and passes: h·r, h·r², … until both sides are at least H, W

A final MATLAB-bicubic step leads from the last pass to the exact size, so it only ever shrinks. A
network for any scale renders the exact size in one pass, except for a side that must shrink. For a
size not larger than the picture, only bicubic is used, unless the network's own scale is 1.
"""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal, SupportsIndex, get_args

from bigpicture.infer.upscale import Tiling
from bigpicture.models.contract import Limits

__all__ = ["MOST_PIXELS", "Framing", "Pass", "Plan", "framed", "sizes_to", "target_size"]

MOST_PIXELS = 2**36
"""Most pixels of a result: 262144 × 262144, or 206 GB in 8 bits. More is likely a typing error."""

Framing = Literal["stretch", "fit", "fill"]
"""How to handle an exact size with other proportions than the picture's: `stretch` changes the
proportions, `fit` keeps the whole picture within the size, `fill` covers the size and crops."""


@dataclass(frozen=True)
class Pass:
    """One run of the network.

    Args:
        height: Height of the input picture.
        width: Width of the input picture.
        size: Height and width of the output.
        tiling: How the input is cut into tiles.
        tiles: Number of tiles.
    """

    height: int
    width: int
    size: tuple[int, int]
    tiling: Tiling
    tiles: int


@dataclass(frozen=True)
class Plan:
    """How to enlarge a picture.

    Args:
        size: Height and width to which the picture is enlarged.
        passes: The network's runs, each on the result of the one before.
        frame: Height and width to crop from the middle of that; None for all of it.
    """

    size: tuple[int, int]
    passes: tuple[Pass, ...]
    frame: tuple[int, int] | None = None

    @property
    def cut(self) -> tuple[slice, slice]:
        """Rows and columns of the enlarged picture that are the result."""
        rows, columns = (
            slice((side - kept) // 2, (side - kept) // 2 + kept)
            for side, kept in zip(self.size, self.frame or self.size, strict=True)
        )
        return rows, columns

    @property
    def tiles(self) -> int:
        """Tiles of all passes together."""
        return sum(each.tiles for each in self.passes)


def target_size(
    height: int,
    width: int,
    *,
    scale: int | float,
    size: tuple[SupportsIndex, SupportsIndex] | None = None,
    to_width: SupportsIndex | None = None,
    to_height: SupportsIndex | None = None,
) -> tuple[int, int]:
    """Return height and width of the result, each at least 1 pixel.

    Args:
        height: Height of the picture.
        width: Width of the picture.
        scale: Enlargement of each side, if nothing else is given.
        size: Exact height and width.
        to_width: Exact width; the height follows. With `to_height`, as `size`.
        to_height: Exact height; the width follows.

    Raises:
        ValueError: If both `size` and a side are given, or a number is not valid.

    >>> target_size(30, 50, scale=2, to_width=75)
    (45, 75)
    """
    if size is not None and (to_width is not None or to_height is not None):
        raise ValueError(f"got size={size} and a width or height; give one or the other")
    if to_width is not None and to_height is not None:
        size = (to_height, to_width)
    if size is not None:
        if not isinstance(size, tuple | list) or len(size) != 2:
            raise ValueError(f"size must be a height and a width, such as (1080, 1920), not {size}")
        return _side("height", size[0]), _side("width", size[1])
    if to_width is not None:
        wide = _side("width", to_width)
        return max(1, round(height * wide / width)), wide
    if to_height is not None:
        high = _side("height", to_height)
        return high, max(1, round(width * high / height))
    if not isinstance(scale, Real) or not 0 < scale < float("inf"):
        raise ValueError(f"scale must be a positive number, not {scale!r}")
    return max(1, round(height * scale)), max(1, round(width * scale))


def framed(
    height: int, width: int, size: tuple[int, int], framing: Framing
) -> tuple[tuple[int, int], tuple[int, int] | None]:
    """Return the size to which a picture is enlarged for a frame, and the frame if it is cropped.

    >>> framed(100, 200, (100, 100), "fit"), framed(100, 200, (100, 100), "fill")
    (((50, 100), None), ((100, 200), (100, 100)))

    Raises:
        ValueError: If the framing is unknown, or the size has more than `MOST_PIXELS`.
    """
    if framing not in get_args(Framing):
        raise ValueError(f"framing must be one of {', '.join(get_args(Framing))}, not {framing!r}")
    if framing == "stretch":
        return _possible(*size), None
    ratios = size[0] / height, size[1] / width
    ratio = min(ratios) if framing == "fit" else max(ratios)
    high, wide = max(1, round(height * ratio)), max(1, round(width * ratio))
    if framing == "fit":
        return _possible(min(high, size[0]), min(wide, size[1])), None
    return _possible(max(high, size[0]), max(wide, size[1])), size


def _possible(height: int, width: int) -> tuple[int, int]:
    """Return the size unless it is absurdly large: planning it alone would take all memory."""
    if height * width > MOST_PIXELS:
        raise ValueError(
            f"the result would have {width} × {height} pixels, of at most {MOST_PIXELS}; "
            "give a smaller scale or size"
        )
    return height, width


def sizes_to(
    height: int, width: int, size: tuple[int, int], limits: Limits
) -> list[tuple[int, int]]:
    """Return the output size of each of the passes in which a network reaches `size`.

    >>> sizes_to(100, 100, (201, 100), Limits(scale=2, colours=3, reach=9))
    [(200, 200), (400, 400)]
    >>> sizes_to(100, 100, (201, 100), Limits(scale=2, colours=3, reach=9, any_scale=True))
    [(201, 100)]
    """
    sizes = []
    if limits.scale == 1 and not limits.any_scale:
        return [(height, width)]
    while height < size[0] or width < size[1]:
        if limits.any_scale:  # such networks only render finer grids
            return [(max(height, size[0]), max(width, size[1]))]
        height, width = height * limits.scale, width * limits.scale
        sizes.append((height, width))
    return sizes


def _side(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} must be a whole number of pixels, at least 1, not {value!r}")
    return int(value)
