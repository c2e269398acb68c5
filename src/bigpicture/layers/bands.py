"""Bands: adjacent windows of equal size, by which shifted windows need no mask.

    length ──lay──▶ [0, s) ┊ [s, n − w + s) in windows of w ┊ [n − w + s, n)

Windows that begin s pixels after the multiples of w are cut at the picture's border. So each axis
has three bands, of which each outer one is a single shorter window, and a picture splits into nine
rectangles, each with windows of one size. Published code instead rolls the picture, which brings
pixels of opposite borders into one window, and masks their attention to each other.

While a network is compiled, the sizes of its pictures are unknown, except that none is 0 or 1.
There, the middle band has two spare windows, which are dropped afterwards, and everything is
gathered by indices.
"""

from typing import NamedTuple

import torch
from torch.nn import functional as F

from bigpicture.layers.windows import partition
from bigpicture.shapes import Float, Tensor

__all__ = ["Band", "cut", "join", "lay", "put_back", "take"]

_SPARE = 2


class Band(NamedTuple):
    """Adjacent windows along an axis."""

    start: int
    """First pixel."""
    stop: int
    """The pixel after the last one. It may lie beyond the picture."""
    side: int
    """Pixels of a window."""

    @property
    def windows(self) -> int:
        """Number of windows."""
        return (self.stop - self.start) // self.side


def lay(length: int, side: int, shift: int = 0, at_once: int = 0) -> list[Band]:
    """Return the bands of windows along an axis.

    Args:
        length: Pixels of the axis, a multiple of `side`.
        side: Pixels of a window.
        shift: Offset at which windows begin after the multiples of `side`, less than `side`.
        at_once: Pixels that a band should not exceed; 0 for no limit.

    >>> [tuple(band) for band in lay(16, 8, 2)]
    [(0, 2, 2), (2, 10, 8), (10, 16, 6)]
    >>> [tuple(band) for band in lay(24, 8, at_once=20)]
    [(0, 16, 8), (16, 24, 8)]
    """
    last = length - side + shift if shift else length
    middle = [Band(shift, last, side)]
    if torch.compiler.is_compiling():
        middle = [Band(shift, last + _SPARE * side, side)]
    elif at_once:
        step = max(1, at_once // side) * side
        middle = [Band(i, min(i + step, last), side) for i in range(shift, last, step)]
    if not shift:
        return middle
    return [Band(0, shift, shift), *middle, Band(last, length, side - shift)]


def take(x: Float[Tensor, "b h w c"], dim: int, band: Band) -> Float[Tensor, "b y x c"]:
    """Return the pixels of a band along an axis, zero-padded beyond the border."""
    if torch.compiler.is_compiling():
        position = torch.arange(band.start, band.stop, device=x.device)
        there = (position < x.shape[dim]).to(x.dtype)
        y = x.index_select(dim, position.clamp(max=x.shape[dim] - 1))
        return y * there.view(-1, *[1] * (3 - dim))
    y = x[(slice(None),) * dim + (slice(band.start, band.stop),)]
    missing = band.stop - band.start - y.shape[dim]
    return F.pad(y, (0, 0) * (3 - dim) + (0, missing)) if missing else y


def join(
    parts: list[Float[Tensor, "b _ _ c"]], dim: int, bands: list[Band], length: int
) -> Float[Tensor, "b y x c"]:
    """Return the first `length` pixels of an axis from the results for all its `bands`."""
    y = torch.cat(parts, dim) if len(parts) > 1 else parts[0]
    if torch.compiler.is_compiling():
        position = torch.arange(length, device=y.device)
        if len(bands) > 1:
            position = position + _SPARE * bands[1].side * (position >= bands[2].start)
        return y.index_select(dim, position)
    return y[(slice(None),) * dim + (slice(length),)]


def cut(x: Float[Tensor, "b y x c"], row: Band, column: Band) -> Float[Tensor, "n l c"]:
    """Return the windows, as `partition` does, of pixels taken from two bands."""
    if not torch.compiler.is_compiling():
        return partition(x, row.side, column.side)
    down, right = row.windows, column.windows
    window = torch.arange(len(x) * down * right, device=x.device)[:, None]
    pixel = torch.arange(row.side * column.side, device=x.device)
    rows = window // right % down * row.side + pixel // column.side
    columns = window % right * column.side + pixel % column.side
    return x[window // (down * right), rows, columns]


def put_back(
    windows: Float[Tensor, "n l c"], pictures: int, row: Band, column: Band
) -> Float[Tensor, "b y x c"]:
    """Return the pixels of two bands from their windows, if any: the inverse of `cut`."""
    height, width = row.windows * row.side, column.windows * column.side
    if not torch.compiler.is_compiling():
        shape = (pictures, row.windows, column.windows, row.side, column.side, windows.shape[-1])
        ordered = windows.view(shape).transpose(2, 3).clone(memory_format=torch.contiguous_format)
        return ordered.view(pictures, height, width, windows.shape[-1])
    picture, y, x = (
        torch.arange(length, device=windows.device) for length in (pictures, height, width)
    )
    picture, y = picture[:, None, None], y[:, None]
    window = (picture * row.windows + y // row.side) * column.windows + x // column.side
    return windows[window, y % row.side * column.side + x % column.side]
