"""Large pictures → overlapping crops, so that a random crop is read from a small file.

    (H, W, c) ──▶ squares of `crop` pixels, every `step` of them, the last ones at the border

Every pixel lies in at least one crop. A picture that is smaller than a crop in one direction yields
crops that are just as small in that direction.

    pictures ──stems──▶ a_y00000_x00240, a-2_y00000_x00000, …     no two alike
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Shaped

from bigpicture.data.packs import Cutting
from bigpicture.image.picture import Metadata, Picture
from bigpicture.image.read import read
from bigpicture.image.write import encode

__all__ = ["Corner", "Input", "Opened", "corners", "cut", "open_input", "stems"]


_LONGEST = 48  # characters kept of a picture's name in those of its crops, which may have 255 bytes


class Corner(NamedTuple):
    """Top left pixel of a crop."""

    top: int
    left: int

    def name(self, stem: str) -> str:
        """Return the name of the crop of a picture with this `stem`."""
        return f"{stem}_y{self.top:05}_x{self.left:05}"


class Input(NamedTuple):
    """A picture to cut, and its low-resolution version, if there is one."""

    high: Path
    low: Path | None = None


class Opened(NamedTuple):
    """A decoded picture and its crops, or why it has none.

    Attributes:
        high: The picture; None if it has no crops.
        low: Its low-resolution version, if there is one.
        corners: Where its crops begin, by their top left pixels.
        cutting: How it is cut.
        outcome: What the manifest records about it.
    """

    high: Picture | None
    low: Picture | None
    corners: list[Corner]
    cutting: Cutting
    outcome: Mapping[str, object]

    def encoded(self, corner: Corner) -> dict[str, bytes]:
        """Return a crop as PNG files, by their endings."""
        assert self.high is not None
        high = _png(self.high, cut(self.high.colour, corner, self.cutting.crop))
        if self.low is None:
            return {"png": high}
        low = cut(self.low.colour, corner, self.cutting.crop, self.cutting.scale or 1)
        return {"high.png": high, "low.png": _png(self.low, low)}


def corners(height: int, width: int, cutting: Cutting) -> list[Corner]:
    """Return the top left pixels of a picture's crops, row by row.

    >>> sorted({top for top, _ in corners(500, 480, Cutting(crop=200, step=120, least=200))})
    [0, 120, 240, 300]
    """
    return [
        Corner(top, left) for top in _starts(height, cutting) for left in _starts(width, cutting)
    ]


def cut(
    image: Shaped[np.ndarray, "h w c"], corner: Corner, side: int, scale: int = 1
) -> Shaped[np.ndarray, "y x c"]:
    """Return a crop of a picture, or of a version of it that is `scale` times smaller."""
    top, left, side = corner.top // scale, corner.left // scale, side // scale
    return image[top : top + side, left : left + side]


def stems(paths: Sequence[Path]) -> Iterator[str]:
    """Yield a name for each picture, unique even on case-insensitive file systems.

    WebDataset takes what precedes the first dot as a sample's name, so names contain no dots.

    >>> list(stems([Path("a/cat.png"), Path("b/Cat.jpg"), Path("my cat v1.5.png")]))
    ['cat', 'Cat-2', 'my_cat_v1_5']
    """
    taken: set[str] = set()
    for path in paths:
        name = stem = re.sub(r"[^\w-]+", "_", path.stem)[:_LONGEST] or "picture"
        count = 1
        while name.casefold() in taken:
            count += 1
            name = f"{stem}-{count}"
        taken.add(name.casefold())
        yield name


def open_input(given: Input, cutting: Cutting) -> Opened:
    """Decode a picture and find where to cut it."""
    try:
        high = read(given.high)
        low = None if given.low is None else read(given.low)
        height, width = _covered(high, low, cutting.scale or 1)
    except (ValueError, MemoryError) as error:
        reason = str(error) or "it does not fit into memory"
        return Opened(None, None, [], cutting, {"error": reason})
    size = {"size": (high.width, high.height)}
    if min(height, width) < cutting.least:
        reason = f"it is {width}×{height} pixels; sides must be at least {cutting.least}"
        return Opened(None, None, [], cutting, size | {"skipped": True, "error": reason})
    return Opened(high, low, corners(height, width, cutting), cutting, size)


def _covered(high: Picture, low: Picture | None, scale: int) -> tuple[int, int]:
    """Return the height and width of the area that the low-resolution version covers."""
    if low is None:
        return high.height, high.width
    height, width = scale * low.height, scale * low.width
    if not (0 <= high.height - height < scale and 0 <= high.width - width < scale):
        raise ValueError(
            f"it has {high.width}×{high.height} pixels and its low-resolution version "
            f"{low.width}×{low.height}, which at scale {scale} is that of {width}×{height}"
        )
    return height, width


def _png(picture: Picture, pixels: np.ndarray) -> bytes:
    """Return pixels of a picture as a file; of its metadata, the colour profile is kept."""
    part = Picture(np.ascontiguousarray(pixels), None, Metadata(icc=picture.metadata.icc))
    return encode(part if part.bits < 32 else part.at_depth(16), "png")


def _starts(side: int, cutting: Cutting) -> list[int]:
    last = max(0, side - cutting.crop)
    return [*range(0, last, cutting.step), last]
